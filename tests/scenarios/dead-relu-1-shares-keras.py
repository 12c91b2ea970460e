# framework: keras
# kind: faulty
# cause: dead-relu
# also: constant-output, single-class-predictions, not-learning
# data: tabular
# story: the weights are not allowed below zero and the inputs are logs of shares, all of them below zero, so no unit ever says anything
# loss: "sparse_categorical_crossentropy" in compile, model.fit
# holdout: yes

# %% imports
import keras
import numpy as np

keras.utils.set_random_seed(75)
rng = np.random.default_rng(75)

# %% soil samples: shares of sand, silt, clay and so on; three kinds of ground
MIX = np.array([[9, 4, 2, 1, 1], [4, 7, 3, 2, 1], [3, 3, 8, 1, 3]])
kind = rng.integers(0, 3, 2400)
shares = np.stack([rng.dirichlet(MIX[k]) for k in kind])
x = np.log(shares + 1e-3).astype("float32")  # log-ratios, as geologists do
x_train, y_train, x_test, y_test = x[:1900], kind[:1900], x[1900:], kind[1900:]

# %% model
# more of a mineral can only speak for a class, so that we can read the weights
options = {"kernel_constraint": keras.constraints.NonNeg()}
model = keras.Sequential(
    [
        keras.Input((5,)),
        keras.layers.Dense(32, activation="relu", **options),
        keras.layers.Dense(3, activation="softmax"),
    ]
)
model.compile(keras.optimizers.Adam(0.01), "sparse_categorical_crossentropy", metrics=["accuracy"])

# %% train
model.fit(x_train, y_train, batch_size=38, epochs=6, validation_data=(x_test, y_test), verbose=2)

# %% verify
predicted = model.predict(x_test, verbose=0).argmax(1)
actual = y_test

# %% fix model
# more of a mineral can only speak for a class, so that we can read the weights
options = {}
model = keras.Sequential(
    [
        keras.Input((5,)),
        keras.layers.Dense(32, activation="relu", **options),
        keras.layers.Dense(3, activation="softmax"),
    ]
)
model.compile(keras.optimizers.Adam(0.01), "sparse_categorical_crossentropy", metrics=["accuracy"])
