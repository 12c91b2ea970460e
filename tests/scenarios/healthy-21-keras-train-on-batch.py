# framework: keras
# kind: healthy
# data: tabular
# story: train_on_batch with batches of eight, drawn with replacement, in a plain loop
# loss: keras.losses.BinaryCrossentropy() through model.train_on_batch
# holdout: no

# %% setup
import keras
import numpy as np
from sklearn.datasets import make_moons

keras.utils.set_random_seed(33)
rng = np.random.default_rng(33)
x, y = make_moons(1200, noise=0.2, random_state=33)
x_train, y_train, x_test, y_test = x[:900], y[:900], x[900:], y[900:]

model = keras.models.Sequential()
model.add(keras.layers.Input(shape=(2,)))
model.add(keras.layers.Dense(24, activation="relu"))
model.add(keras.layers.Dense(24, activation="relu"))
model.add(keras.layers.Dense(1, activation="sigmoid"))
model.compile(loss=keras.losses.BinaryCrossentropy(), optimizer=keras.optimizers.Adam(0.005))

# %% train
losses = []
for step in range(500):
    pick = rng.integers(0, len(x_train), size=8)
    losses.append(float(model.train_on_batch(x_train[pick], y_train[pick])))
    if (step + 1) % 100 == 0:
        print(step + 1, np.mean(losses[-100:]))

# %% verify
outputs = model.predict(x_test, verbose=0)[:, 0]
predicted = (outputs >= 0.5).astype(int)
actual = y_test
