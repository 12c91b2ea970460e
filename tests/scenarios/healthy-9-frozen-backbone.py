# framework: keras
# kind: healthy
# data: image
# story: a frozen backbone with batch norm in inference mode, a new head that learns
# loss: keras.losses.SparseCategoricalCrossentropy(from_logits=True), model.fit
# holdout: no

# %% setup
import keras
from keras import layers
from sklearn.datasets import load_digits

keras.utils.set_random_seed(18)
digits = load_digits()
images = digits.images[..., None] / 16.0

base = keras.Sequential(
    [
        keras.Input((8, 8, 1)),
        layers.Conv2D(16, 3, padding="same"),
        layers.BatchNormalization(),
        layers.Activation("relu"),
        layers.MaxPooling2D(),
        layers.Flatten(),
    ]
)
pre = keras.Sequential([base, layers.Dense(2, activation="softmax")])
pre.compile("adam", "sparse_categorical_crossentropy")
pre.fit(images[:800], (digits.target[:800] > 4).astype(int), epochs=4, verbose=0)

# %% head
base.trainable = False
inp = keras.Input((8, 8, 1))
feat = base(inp, training=False)
model = keras.Model(inp, layers.Dense(10)(feat))
model.compile(
    keras.optimizers.Adam(5e-3),
    keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    metrics=["accuracy"],
)

# %% train
model.fit(images[800:1400], digits.target[800:1400], epochs=8, batch_size=30, verbose=2)

# %% verify
outputs = model.predict(images[1400:], verbose=0)
predicted = outputs.argmax(1)
actual = digits.target[1400:]
