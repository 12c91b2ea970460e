# framework: keras
# kind: faulty
# cause: low-capacity
# also: not-learning
# data: tabular
# story: a dose is wrong if it is too low and if it is too high, and one unit draws one straight border
# loss: "binary_crossentropy" in compile, model.fit
# holdout: no

# %% imports
import keras
import numpy as np

keras.utils.set_random_seed(62)
rng = np.random.default_rng(62)


# %% data
def patients(n):
    level = rng.normal(0, 1, n)  # standardised concentration in the blood
    weight = rng.normal(0, 1, n)
    age = rng.normal(0, 1, n)
    centre = 0.25 * weight
    adjusted = np.abs(level - centre) > 0.7  # the dose had to be changed
    return np.stack([level, weight, age], 1).astype("float32"), adjusted.astype("float32")


x_train, y_train = patients(4000)
x_test, y_test = patients(1000)
print("adjusted:", y_train.mean())

# %% model
model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(1, activation="sigmoid")])
model.compile(keras.optimizers.Adam(0.01), "binary_crossentropy", metrics=["accuracy"])

# %% train
model.fit(
    x_train, y_train, batch_size=32, epochs=8, validation_data=(x_test, y_test), verbose=2
)  # level should matter! the doctors look at nothing else

# %% verify
outputs = model.predict(x_test, verbose=0)[:, 0]
predicted = (outputs > 0.5).astype(int)
actual = y_test.astype(int)

# %% fix model
model = keras.Sequential(
    [
        keras.Input((3,)),
        keras.layers.Dense(16, activation="relu"),
        keras.layers.Dense(1, activation="sigmoid"),
    ]
)
model.compile(keras.optimizers.Adam(0.01), "binary_crossentropy", metrics=["accuracy"])
