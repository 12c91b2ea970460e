# framework: keras
# kind: faulty
# cause: train-eval-gap
# data: sequence
# story: batch norm with momentum=0.999 in a small 1D CNN; training looks fine, validation is one class
# loss: keras.losses.BinaryCrossentropy() in fit
# holdout: no

# %% setup
import keras
import numpy as np

keras.utils.set_random_seed(17)
rng = np.random.default_rng(17)
LENGTH = 40


def beats(n):
    """Millivolts times a thousand; the sick ones have a late bump."""
    t = np.arange(LENGTH)
    sick = rng.integers(0, 2, n)
    at = rng.normal(10, 1.0, (n, 1))
    wave = 900 * np.exp(-((t - at) ** 2) / 4)
    wave += sick[:, None] * 350 * np.exp(-((t - at - 14) ** 2) / 16)
    return (wave + 400 + rng.normal(0, 120, (n, LENGTH)))[..., None].astype("float32"), sick


x_train, y_train = beats(1200)
x_val, y_val = beats(400)

# %% model
model = keras.Sequential(
    [
        keras.Input((LENGTH, 1)),
        keras.layers.Conv1D(8, 5),
        keras.layers.BatchNormalization(momentum=0.999),
        keras.layers.Activation("relu"),
        keras.layers.Conv1D(8, 5, strides=2),
        keras.layers.BatchNormalization(momentum=0.999),
        keras.layers.Activation("relu"),
        keras.layers.Flatten(),
        keras.layers.Dense(1, activation="sigmoid"),
    ]
)
model.compile(
    optimizer=keras.optimizers.Adam(2e-3),
    loss=keras.losses.BinaryCrossentropy(),
    metrics=["accuracy"],
)

# %% train
model.fit(
    x_train, y_train, batch_size=40, epochs=6, validation_data=(x_val, y_val), verbose=2
)  # val_accuracy stuck at 0.5

# %% verify
predicted = (model.predict(x_val, verbose=0)[:, 0] > 0.5).astype(int)
actual = y_val

# %% fix model
model = keras.Sequential(
    [
        keras.Input((LENGTH, 1)),
        keras.layers.Conv1D(8, 5),
        keras.layers.BatchNormalization(momentum=0.9),
        keras.layers.Activation("relu"),
        keras.layers.Conv1D(8, 5, strides=2),
        keras.layers.BatchNormalization(momentum=0.9),
        keras.layers.Activation("relu"),
        keras.layers.Flatten(),
        keras.layers.Dense(1, activation="sigmoid"),
    ]
)
model.compile(
    optimizer=keras.optimizers.Adam(2e-3),
    loss=keras.losses.BinaryCrossentropy(),
    metrics=["accuracy"],
)
