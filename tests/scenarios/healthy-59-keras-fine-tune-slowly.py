# framework: keras
# kind: healthy
# data: image
# story: the last stage of transfer learning: unfrozen, compiled again with a learning rate of 1e-5, little left to gain
# loss: keras.losses.SparseCategoricalCrossentropy(), fit of a model with a base called with training=False
# holdout: no

# %% setup
import keras
import numpy as np
from keras import layers
from sklearn.datasets import load_digits

keras.utils.set_random_seed(24)
d = load_digits()
x = (d.images[..., None] / 16).astype("float32")
y = d.target
old = y < 6
x_old, y_old = x[old], y[old]
x_new, y_new = x[~old], y[~old] - 6  # 6, 7, 8, 9
cut = 520

base = keras.Sequential(
    [
        layers.Input((8, 8, 1)),
        layers.Conv2D(16, 3, padding="same", use_bias=False),
        layers.BatchNormalization(),
        layers.ReLU(),
        layers.MaxPooling2D(),
        layers.Flatten(),
    ],
    name="base",
)

# %% pretrain the base
pre = keras.Sequential([base, layers.Dense(6, activation="softmax")])
pre.compile("adam", "sparse_categorical_crossentropy")
pre.fit(x_old, y_old, epochs=3, batch_size=32, verbose=0)

# %% new head on the frozen base
base.trainable = False
inputs = keras.Input((8, 8, 1))
h = base(inputs, training=False)
outputs_ = layers.Dense(4, activation="softmax")(layers.Dropout(0.2)(h))
model = keras.Model(inputs, outputs_)
model.compile(
    keras.optimizers.Adam(5e-3), keras.losses.SparseCategoricalCrossentropy(), metrics=["accuracy"]
)
model.fit(x_new[:cut], y_new[:cut], epochs=6, batch_size=16, verbose=0)

# %% train
base.trainable = True
model.compile(
    keras.optimizers.Adam(1e-5), keras.losses.SparseCategoricalCrossentropy(), metrics=["accuracy"]
)
model.fit(
    x_new[:cut],
    y_new[:cut],
    epochs=5,
    batch_size=16,
    validation_data=(x_new[cut:], y_new[cut:]),
    verbose=2,
)

# %% verify
outputs = model.predict(x_new[cut:], verbose=0)
predicted = outputs.argmax(1)
actual = y_new[cut:]
