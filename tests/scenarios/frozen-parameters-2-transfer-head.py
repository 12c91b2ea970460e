# framework: keras
# kind: faulty
# cause: frozen-parameters
# data: image
# story: freezing the layers for the transfer froze the new head too
# loss: keras.losses.SparseCategoricalCrossentropy(from_logits=True), model.fit
# holdout: no

# %% setup
import keras
from keras import layers
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

keras.utils.set_random_seed(9)
digits = load_digits()
imgs = digits.images[..., None] / 16.0
x_old, x_new, y_old, y_new = train_test_split(
    imgs, digits.target, test_size=0.5, random_state=9, stratify=digits.target
)

# "pretrained" features: learned on odd / even
inputs = keras.Input((8, 8, 1))
z = layers.Conv2D(12, 3, activation="relu", padding="same")(inputs)
z = layers.MaxPooling2D()(z)
z = layers.Conv2D(24, 3, activation="relu", padding="same")(z)
z = layers.Flatten()(z)
backbone = keras.Model(inputs, z, name="backbone")
parity = keras.Sequential([backbone, layers.Dense(1, activation="sigmoid")])
parity.compile("adam", "binary_crossentropy")
parity.fit(x_old, y_old % 2, epochs=4, batch_size=64, verbose=0)

# %% model
model = keras.Sequential([backbone, layers.Dense(48, activation="relu"), layers.Dense(10)])
for layer in model.layers:
    layer.trainable = False
model.compile(
    optimizer=keras.optimizers.Adam(2e-3),
    loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    metrics=["accuracy"],
)

# %% train
model.fit(x_new[:600], y_new[:600], epochs=10, batch_size=32, verbose=2)

# %% verify
outputs = model.predict(x_new[600:], verbose=0)
predicted = outputs.argmax(-1)
actual = y_new[600:]

# %% fix model
model = keras.Sequential([backbone, layers.Dense(48, activation="relu"), layers.Dense(10)])
backbone.trainable = False
model.compile(
    optimizer=keras.optimizers.Adam(2e-3),
    loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    metrics=["accuracy"],
)
