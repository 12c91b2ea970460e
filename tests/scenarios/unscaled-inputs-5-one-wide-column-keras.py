# framework: keras
# kind: faulty
# cause: unscaled-inputs
# data: tabular
# story: one column in the hundreds, the others below one, into sigmoid units
# loss: keras.losses.CategoricalCrossentropy
# holdout: no

# %% setup
import keras
import numpy as np

keras.utils.set_random_seed(7)
rng = np.random.default_rng(7)
n = 1600
y = rng.integers(0, 3, n)
small = rng.normal(0, 0.12, (n, 4)) + 0.3 * np.eye(3)[y] @ rng.normal(0, 1, (3, 4))
big = rng.uniform(100, 900, (n, 1))
table = np.hstack([small[:, :2], big, small[:, 2:]]).astype("float32")

# %% arrays
inputs = table
onehot = keras.utils.to_categorical(y)

# %% train
model = keras.Sequential(
    [
        keras.Input((5,)),
        keras.layers.Dense(20, activation="sigmoid"),
        keras.layers.Dense(3, activation="softmax"),
    ]
)
model.compile(
    keras.optimizers.Adam(0.003), keras.losses.CategoricalCrossentropy(), metrics=["accuracy"]
)
model.fit(inputs[:1200], onehot[:1200], epochs=15, batch_size=24, verbose=0)

# %% verify
predicted = model.predict(inputs[1200:], verbose=0).argmax(1)
actual = y[1200:]

# %% fix arrays
inputs = (table - table.mean(0)) / table.std(0)
onehot = keras.utils.to_categorical(y)
