# framework: keras
# kind: faulty
# cause: overfitting
# data: text
# story: a data set cut down to a few dozen texts for a quick try, and trained on and on
# loss: "binary_crossentropy" in fit
# holdout: yes

# %% setup
import keras
import numpy as np

keras.utils.set_random_seed(23)
rng = np.random.default_rng(23)
WORDS = 300
opinion = rng.normal(0, 1, WORDS)


def write(n):
    good = rng.integers(0, 2, n)
    counts = np.zeros((n, WORDS), "float32")
    for row, g in enumerate(good):
        p = np.exp((0.17 if g else -0.17) * opinion)
        for w in rng.choice(WORDS, 30, p=p / p.sum()):
            counts[row, w] += 1
    return counts, good


x_all, y_all = write(2400)
x_val, y_val = write(500)
x_train, y_train = x_all[:80], y_all[:80]  # quick try

# %% model
model = keras.Sequential(
    [
        keras.Input((WORDS,)),
        keras.layers.Dense(64, activation="relu"),
        keras.layers.Dense(64, activation="relu"),
        keras.layers.Dense(1, activation="sigmoid"),
    ]
)
model.compile(
    optimizer=keras.optimizers.Adam(2e-3), loss="binary_crossentropy", metrics=["accuracy"]
)

# %% train
model.fit(x_train, y_train, batch_size=20, epochs=20, validation_data=(x_val, y_val), verbose=2)

# %% verify
predicted = (model.predict(x_val, verbose=0)[:, 0] > 0.5).astype(int)
actual = y_val

# %% fix setup
import keras
import numpy as np

keras.utils.set_random_seed(23)
rng = np.random.default_rng(23)
WORDS = 300
opinion = rng.normal(0, 1, WORDS)


def write(n):
    good = rng.integers(0, 2, n)
    counts = np.zeros((n, WORDS), "float32")
    for row, g in enumerate(good):
        p = np.exp((0.17 if g else -0.17) * opinion)
        for w in rng.choice(WORDS, 30, p=p / p.sum()):
            counts[row, w] += 1
    return counts, good


x_all, y_all = write(2400)
x_val, y_val = write(500)
x_train, y_train = x_all[:2400], y_all[:2400]
