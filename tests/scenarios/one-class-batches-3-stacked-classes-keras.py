# framework: keras
# kind: faulty
# cause: one-class-batches
# data: tabular
# story: the sick and then the healthy are stacked, and fit is told not to shuffle so that plots stay aligned
# loss: keras.losses.BinaryCrossentropy(from_logits=True) in fit
# holdout: no

# %% imports
import keras
import numpy as np

keras.utils.set_random_seed(8)
rng = np.random.default_rng(8)


# %% data
def patients(n, sick):
    age = rng.normal(58 if sick else 51, 10, n)
    pressure = rng.normal(141 if sick else 128, 12, n)
    marker = rng.gamma(4 if sick else 2, 0.6, n)
    x = np.stack([age, pressure, marker, rng.normal(0, 1, n)], 1)
    return ((x - [53, 132, 1.5, 0]) / [10.2, 12.5, 1, 1]).astype("float32")


def cohort(n):
    x = np.concatenate([patients(n, True), patients(n, False)])
    return x, np.repeat([1.0, 0.0], n).astype("float32")


x_train, y_train = cohort(1600)
x_test, y_test = cohort(400)

# %% model
inputs = keras.Input((4,))
h = keras.layers.Dense(32, activation="relu")(inputs)
h = keras.layers.Dense(16, activation="relu")(h)
model = keras.Model(inputs, keras.layers.Dense(1)(h))
model.compile(
    optimizer=keras.optimizers.Adam(0.02),
    loss=keras.losses.BinaryCrossentropy(from_logits=True),
    metrics=[keras.metrics.BinaryAccuracy(threshold=0.0)],
)

# %% train
model.fit(x_train, y_train, batch_size=32, epochs=4, shuffle=False, verbose=2)

# %% verify
outputs = model.predict(x_test, verbose=0).ravel()
predicted = (outputs > 0).astype(int)
actual = y_test.astype(int)

# %% fix train
model.fit(x_train, y_train, batch_size=32, epochs=4, shuffle=True, verbose=2)
