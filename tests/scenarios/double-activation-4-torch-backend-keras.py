# framework: keras
# kind: faulty
# cause: double-activation
# data: text
# story: softmax as the last layer under a loss that is told to expect logits, on the torch backend
# loss: keras.losses.SparseCategoricalCrossentropy(from_logits=True) in fit
# backend: torch
# holdout: yes

# %% imports
import keras
import numpy as np

keras.utils.set_random_seed(111)
rng = np.random.default_rng(111)

# %% who wrote it?
AUTHORS, WORDS = 30, 160
style = rng.dirichlet(np.full(WORDS, 0.15), AUTHORS)


def pages(n):
    who = rng.integers(0, AUTHORS, n)
    counts = np.stack([rng.multinomial(60, style[k]) for k in who])
    return np.sqrt(counts).astype("float32"), who


x_train, y_train = pages(2000)
x_test, y_test = pages(500)

# %% model
model = keras.Sequential(
    [
        keras.Input((WORDS,)),
        keras.layers.Dense(32, activation="relu"),
        keras.layers.Dense(AUTHORS, activation="softmax"),
    ]
)
model.compile(
    optimizer=keras.optimizers.SGD(0.05),
    loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    metrics=["accuracy"],
)

# %% train
model.fit(x_train, y_train, epochs=6, batch_size=32, validation_data=(x_test, y_test), verbose=2)

# %% verify
predicted = model.predict(x_test, verbose=0).argmax(1)
actual = y_test

# %% fix model
model = keras.Sequential(
    [
        keras.Input((WORDS,)),
        keras.layers.Dense(32, activation="relu"),
        keras.layers.Dense(AUTHORS),
    ]
)
model.compile(
    optimizer=keras.optimizers.SGD(0.05),
    loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    metrics=["accuracy"],
)
