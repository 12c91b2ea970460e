# framework: keras
# kind: faulty
# cause: single-class-predictions
# also: constant-output, not-learning
# data: sequence
# story: the slice takes a part of the windows in which nothing ever happens
# loss: "binary_crossentropy" as a string, model.fit
# holdout: no

# %% setup
import keras
import numpy as np

keras.utils.set_random_seed(10)
rng = np.random.default_rng(10)
LENGTH, LEAD = 60, 30

signals = np.zeros((1800, LENGTH), dtype="float32")
alarm = (rng.random(1800) < 0.4).astype("int32")
for row, a in zip(signals, alarm):
    start = rng.integers(2, 12)
    row[start : start + 14] = np.sin(np.arange(14) * (1.2 if a else 0.6))


def windows(s):
    return s[:, LENGTH - LEAD :, None]


model = keras.Sequential(
    [
        keras.Input((LEAD, 1)),
        keras.layers.Conv1D(12, 5, activation="relu"),
        keras.layers.GlobalMaxPooling1D(),
        keras.layers.Dense(12, activation="relu"),
        keras.layers.Dense(1, activation="sigmoid"),
    ]
)
model.compile("adam", "binary_crossentropy", metrics=["accuracy"])

# %% train
model.fit(windows(signals[:1400]), alarm[:1400], epochs=12, batch_size=28, verbose=2)

# %% verify
outputs = model.predict(windows(signals[1400:]), verbose=0)[:, 0]
predicted = (outputs > 0.5).astype(int)
actual = alarm[1400:]

# %% fix setup
import keras
import numpy as np

keras.utils.set_random_seed(10)
rng = np.random.default_rng(10)
LENGTH, LEAD = 60, 30

signals = np.zeros((1800, LENGTH), dtype="float32")
alarm = (rng.random(1800) < 0.4).astype("int32")
for row, a in zip(signals, alarm):
    start = rng.integers(2, 12)
    row[start : start + 14] = np.sin(np.arange(14) * (1.2 if a else 0.6))


def windows(s):
    return s[:, :LEAD, None]


model = keras.Sequential(
    [
        keras.Input((LEAD, 1)),
        keras.layers.Conv1D(12, 5, activation="relu"),
        keras.layers.GlobalMaxPooling1D(),
        keras.layers.Dense(12, activation="relu"),
        keras.layers.Dense(1, activation="sigmoid"),
    ]
)
model.compile("adam", "binary_crossentropy", metrics=["accuracy"])
