# framework: keras
# kind: faulty
# cause: overfitting
# data: tabular
# story: fifty measured plants with sixty readings each, of which three matter, and thirty-two passes over them
# loss: "binary_crossentropy" in compile, model.fit with validation_data
# holdout: yes

# %% setup
import keras
import numpy as np

keras.utils.set_random_seed(107)
rng = np.random.default_rng(107)


def plants(n):
    x = rng.normal(0, 1, (n, 60)).astype("float32")
    z = x[:, 0] + 0.8 * x[:, 1] - 0.8 * x[:, 2]
    return x, (z + rng.normal(0, 0.4, n) > 0).astype("float32")


MEASURED = 50
x_train, y_train = plants(MEASURED)
x_val, y_val = plants(400)
EPOCHS, BATCH = 32, 10

# %% train
model = keras.Sequential(
    [
        keras.Input((60,)),
        keras.layers.Dense(128, activation="relu"),
        keras.layers.Dense(64, activation="relu"),
        keras.layers.Dense(1, activation="sigmoid"),
    ]
)
model.compile(keras.optimizers.Adam(2e-3), "binary_crossentropy", metrics=["accuracy"])
history = model.fit(
    x_train, y_train, epochs=EPOCHS, batch_size=BATCH, validation_data=(x_val, y_val), verbose=0
)
for name, values in history.history.items():
    print(name, np.round(values[::8], 3))

# %% verify
x_other, y_other = plants(2000)
outputs = model.predict(x_other, verbose=0)[:, 0]
predicted = (outputs > 0.5).astype(int)
actual = y_other.astype(int)

# %% fix setup
import keras
import numpy as np

keras.utils.set_random_seed(107)
rng = np.random.default_rng(107)


def plants(n):
    x = rng.normal(0, 1, (n, 60)).astype("float32")
    z = x[:, 0] + 0.8 * x[:, 1] - 0.8 * x[:, 2]
    return x, (z + rng.normal(0, 0.4, n) > 0).astype("float32")


MEASURED = 3000
x_train, y_train = plants(MEASURED)
x_val, y_val = plants(400)
EPOCHS, BATCH = 4, 10
