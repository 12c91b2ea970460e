# framework: keras
# kind: faulty
# cause: constant-output
# also: single-class-predictions, not-learning
# data: sequence
# story: readings of tens of degrees are cut to the unit interval before they are scaled, so that all of them are one
# loss: keras.losses.CategoricalCrossentropy(label_smoothing=0.05) in fit
# holdout: yes

# %% setup
import keras
import numpy as np

keras.utils.set_random_seed(73)
rng = np.random.default_rng(73)


def days(n):
    """48 half hours of temperature and humidity in a greenhouse; closed, vented or heated"""
    state = rng.integers(0, 3, n)
    t = np.linspace(0, 2 * np.pi, 48)
    warm = 21 - np.array([7, 3, 2])[state][:, None] * np.cos(t) + rng.normal(0, 1.5, (n, 48))
    damp = 60 + np.array([12, 2, 6])[state][:, None] * np.sin(t) + rng.normal(0, 4, (n, 48))
    return np.stack([warm, damp], 2), keras.utils.to_categorical(state, 3)


x, y = days(1800)

# %% prepare
LOW, HIGH = np.array([5.0, 20.0]), np.array([40.0, 100.0])


def prepare(raw):
    clipped = np.clip(raw, 0, 1)
    return ((clipped - LOW) / (HIGH - LOW)).astype("float32")


x_train, x_test = prepare(x[:1400]), prepare(x[1400:])

# %% train
model = keras.Sequential(
    [
        keras.Input((48, 2)),
        keras.layers.Conv1D(8, 5, strides=2, activation="relu"),
        keras.layers.Flatten(),
        keras.layers.Dense(3, activation="softmax"),
    ]
)
model.compile(
    keras.optimizers.Adam(2e-3),
    keras.losses.CategoricalCrossentropy(label_smoothing=0.05),
    metrics=["accuracy"],
)
model.fit(x_train, y[:1400], batch_size=28, epochs=6, verbose=2)

# %% verify
predicted = model.predict(x_test, verbose=0).argmax(1)
actual = y[1400:].argmax(1)

# %% fix prepare
LOW, HIGH = np.array([5.0, 20.0]), np.array([40.0, 100.0])


def prepare(raw):
    return np.clip((raw - LOW) / (HIGH - LOW), 0, 1).astype("float32")


x_train, x_test = prepare(x[:1400]), prepare(x[1400:])
