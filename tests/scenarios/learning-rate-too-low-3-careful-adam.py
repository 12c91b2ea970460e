# framework: keras
# kind: faulty
# cause: learning-rate-too-low
# also: undertrained
# data: sequence
# story: Adam with a rate of a millionth, as for the last polish of a large model
# loss: keras.losses.BinaryCrossentropy() in compile, model.fit
# holdout: no

# %% setup
import keras
import numpy as np
from keras import layers

keras.utils.set_random_seed(8)
rng = np.random.default_rng(8)
steps = np.arange(40) / 6


def beat(fast):
    rate = rng.uniform(1.7, 2.2) if fast else rng.uniform(0.8, 1.2)
    return np.sin(rate * steps + rng.uniform(0, 6)) + rng.normal(0, 0.3, 40)


labels = rng.integers(0, 2, 1800)
waves = np.stack([beat(fast) for fast in labels]).astype("float32")[..., None]


def build():
    inputs = keras.Input((40, 1))
    x = layers.Conv1D(16, 9, activation="relu")(inputs)
    x = layers.GlobalAveragePooling1D()(x)
    x = layers.Dense(16, activation="relu")(x)
    return keras.Model(inputs, layers.Dense(1, activation="sigmoid")(x))


LR = 1e-6

# %% train
net = build()
net.compile(keras.optimizers.Adam(LR), keras.losses.BinaryCrossentropy(), metrics=["accuracy"])
net.fit(waves[:1400], labels[:1400], batch_size=20, epochs=8, verbose=0)
print(net.evaluate(waves[1400:], labels[1400:], verbose=0))

# %% verify
outputs = net.predict(waves[1400:], verbose=0)[:, 0]
predicted = (outputs > 0.5).astype(int)
actual = labels[1400:]

# %% fix setup
import keras
import numpy as np
from keras import layers

keras.utils.set_random_seed(8)
rng = np.random.default_rng(8)
steps = np.arange(40) / 6


def beat(fast):
    rate = rng.uniform(1.7, 2.2) if fast else rng.uniform(0.8, 1.2)
    return np.sin(rate * steps + rng.uniform(0, 6)) + rng.normal(0, 0.3, 40)


labels = rng.integers(0, 2, 1800)
waves = np.stack([beat(fast) for fast in labels]).astype("float32")[..., None]


def build():
    inputs = keras.Input((40, 1))
    x = layers.Conv1D(16, 9, activation="relu")(inputs)
    x = layers.GlobalAveragePooling1D()(x)
    x = layers.Dense(16, activation="relu")(x)
    return keras.Model(inputs, layers.Dense(1, activation="sigmoid")(x))


LR = 3e-3
