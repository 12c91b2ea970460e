# framework: keras
# kind: faulty
# cause: unscaled-inputs
# data: tabular
# story: a distance in the hundreds among shares below one saturates the sigmoid units
# loss: keras.losses.CategoricalCrossentropy() in fit
# holdout: no

# %% setup
import keras
import numpy as np

keras.utils.set_random_seed(7)
rng = np.random.default_rng(7)

# %% habitats
n = 1600
habitat = rng.integers(0, 3, n)
shares = rng.normal(0, 0.12, (n, 4)) + 0.3 * np.eye(3)[habitat] @ rng.normal(0, 1, (3, 4))
to_water = rng.uniform(100, 900, (n, 1))  # metres
table = np.hstack([shares[:, :2], to_water, shares[:, 2:]]).astype("float32")

# %% arrays
inputs = table
onehot = keras.utils.to_categorical(habitat)

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
model.fit(inputs[:1200], onehot[:1200], epochs=15, batch_size=24, verbose=2)

# %% verify
predicted = model.predict(inputs[1200:], verbose=0).argmax(1)
actual = habitat[1200:]

# %% fix arrays
inputs = (table - table[:1200].mean(0)) / table[:1200].std(0)
onehot = keras.utils.to_categorical(habitat)
