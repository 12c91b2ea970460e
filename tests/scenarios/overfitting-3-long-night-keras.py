# framework: keras
# kind: faulty
# cause: overfitting
# data: sequence
# story: ratings by several people who often disagree, a large network, and many epochs over few recordings
# loss: keras.losses.BinaryCrossentropy(from_logits=True) in fit
# holdout: no

# %% setup
import keras
import numpy as np

keras.utils.set_random_seed(27)
rng = np.random.default_rng(27)
LENGTH = 6


def nights(n, disagree):
    """Six values of a night's sleep; was it a good one? As said, and as it was."""
    calm = rng.normal(0, 1, (n, LENGTH, 1)).astype("float32")
    good = calm[:, 1:3, 0].sum(axis=1) > 0
    said = np.where(rng.random(n) < disagree, ~good, good)
    return calm, said.astype("float32"), good.astype(int)


x, y, _ = nights(300, 0.33)
x_val, y_val, _ = nights(300, 0.33)
x_test, _, truth = nights(1000, 0.0)

# %% model
inputs = keras.Input((LENGTH, 1))
h = keras.layers.Flatten()(inputs)
h = keras.layers.Dense(320, activation="relu")(h)
h = keras.layers.Dense(320, activation="relu")(h)
model = keras.Model(inputs, keras.layers.Dense(1)(h))
model.compile(
    optimizer=keras.optimizers.Adam(5e-3),
    loss=keras.losses.BinaryCrossentropy(from_logits=True),
    metrics=[keras.metrics.BinaryAccuracy(threshold=0.0)],
)

# %% train
model.fit(x, y, batch_size=20, epochs=40, validation_data=(x_val, y_val), verbose=2)

# %% verify
predicted = (model.predict(x_test, verbose=0)[:, 0] > 0).astype(int)
actual = truth

# %% fix train
stop = keras.callbacks.EarlyStopping(patience=4, restore_best_weights=True)
model.fit(
    x, y, batch_size=20, epochs=40, validation_data=(x_val, y_val), verbose=2, callbacks=[stop]
)
