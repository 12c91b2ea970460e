# framework: keras
# kind: faulty
# cause: low-capacity
# also: not-learning
# data: image
# story: one filter, averaged over the picture, is one number for ten directions of stripes
# loss: keras.losses.SparseCategoricalCrossentropy(from_logits=True) in fit
# holdout: yes

# %% setup
import keras
import numpy as np
from keras import layers

keras.utils.set_random_seed(64)
rng = np.random.default_rng(64)
SIZE = 12


def fabric(n):
    """woven stripes in one of ten directions"""
    kind = rng.integers(0, 10, n)
    theta = (kind * np.pi / 10)[:, None, None]
    i, j = np.mgrid[:SIZE, :SIZE]
    phase = rng.uniform(0, 2 * np.pi, (n, 1, 1))
    wave = np.sin(1.6 * (i * np.sin(theta) + j * np.cos(theta)) + phase)
    return (wave + rng.normal(0, 0.3, wave.shape))[..., None].astype("float32"), kind


x_train, y_train = fabric(2000)
x_valid, y_valid = fabric(500)

# %% model
inputs = keras.Input((SIZE, SIZE, 1))
h = layers.Conv2D(1, 5, activation="relu")(inputs)
h = layers.GlobalAveragePooling2D()(h)
model = keras.Model(inputs, layers.Dense(10)(h))
model.compile(
    optimizer=keras.optimizers.Adam(0.005),
    loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    metrics=["accuracy"],
)

# %% train
log = model.fit(x_train, y_train, epochs=8, batch_size=32, verbose=2)

# %% verify
predicted = model.predict(x_valid, verbose=0).argmax(1)
actual = y_valid

# %% fix model
inputs = keras.Input((SIZE, SIZE, 1))
h = layers.Conv2D(24, 5, activation="relu")(inputs)
h = layers.GlobalAveragePooling2D()(h)
model = keras.Model(inputs, layers.Dense(10)(h))
model.compile(
    optimizer=keras.optimizers.Adam(0.005),
    loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    metrics=["accuracy"],
)
