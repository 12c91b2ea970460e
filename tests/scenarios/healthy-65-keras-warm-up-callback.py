# framework: keras
# kind: healthy
# data: tabular
# story: a callback raises the learning rate from nothing; the loss lies at .693 for the first half
# loss: "binary_crossentropy", batches of 32, with a callback of one's own
# holdout: no

# %% setup
import keras
import numpy as np

keras.utils.set_random_seed(91)
rng = np.random.default_rng(91)
angle = rng.uniform(0, 4.5, 1600)
arm = rng.integers(0, 2, 1600)
x = np.stack([angle * np.cos(angle + np.pi * arm), angle * np.sin(angle + np.pi * arm)], 1) / 3
x = (x + rng.normal(0, 0.04, x.shape)).astype("float32")
x_train, y_train, x_test, y_test = x[:1280], arm[:1280], x[1280:], arm[1280:]


class WarmUp(keras.callbacks.Callback):
    def __init__(self, target, steps):
        super().__init__()
        self.target, self.steps, self.seen = target, steps, 0

    def on_train_batch_begin(self, batch, logs=None):
        self.seen += 1
        self.model.optimizer.learning_rate = self.target * min(1.0, (self.seen / self.steps) ** 6)


spiral = keras.Sequential([keras.Input((2,))])
for units in (32, 32):
    spiral.add(keras.layers.Dense(units, activation="relu"))
spiral.add(keras.layers.Dense(1, activation="sigmoid", kernel_initializer="zeros"))
spiral.compile(keras.optimizers.Adam(1e-2), loss="binary_crossentropy", metrics=["accuracy"])

# %% train
spiral.fit(
    x_train,
    y_train,
    validation_data=(x_test, y_test),
    epochs=18,
    batch_size=32,
    callbacks=[WarmUp(1e-2, 400)],
    verbose=2,
)

# %% verify
outputs = spiral.predict(x_test, verbose=0).ravel()
predicted = (outputs > 0.5).astype(int)
actual = y_test
