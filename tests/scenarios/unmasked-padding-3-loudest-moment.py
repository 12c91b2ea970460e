# framework: keras
# kind: faulty
# cause: unmasked-padding
# also: constant-output, single-class-predictions, not-learning
# data: sequence
# story: calls of animals in decibels below full scale are padded with zero, which is louder than all of them, and the maximum over time is read
# loss: keras.losses.SparseCategoricalCrossentropy() in compile, model.fit
# holdout: no

# %% imports
import keras
import numpy as np
from keras import layers

keras.utils.set_random_seed(53)
rng = np.random.default_rng(53)
SPECIES = ["owl", "robin", "frog"]
BANDS, FRAMES = 12, 60


# %% clips
def call(kind):
    """dB relative to full scale, time x bands"""
    n = rng.integers(10, 50)
    spectrum = rng.normal(-62, 4, (n, BANDS))
    band = {0: 2, 1: 9, 2: 5}[kind] + rng.integers(-1, 2)
    start = rng.integers(0, n - 5)
    spectrum[start : start + 5, band] += rng.uniform(14, 26)
    return spectrum


def batch_of(n):
    kinds = rng.integers(0, 3, n)
    return [call(k) for k in kinds], kinds


train_clips, y_train = batch_of(1500)
test_clips, y_test = batch_of(400)


# %% pad
def fill(clips):
    out = np.zeros((len(clips), FRAMES, BANDS), dtype="float32")
    for row, clip in zip(out, clips):
        row[: len(clip)] = clip
    return out / 20  # about -3 for silence


x_train, x_test = fill(train_clips), fill(test_clips)

# %% model
model = keras.Sequential(
    [
        keras.Input((FRAMES, BANDS)),
        layers.GlobalMaxPooling1D(),  # loudest moment in each band
        layers.Dense(32, activation="relu"),
        layers.Dense(3, activation="softmax"),
    ]
)
model.compile(
    optimizer=keras.optimizers.Adam(5e-3),
    loss=keras.losses.SparseCategoricalCrossentropy(),
    metrics=["accuracy"],
)

# %% train
model.fit(x_train, y_train, epochs=8, batch_size=30, validation_data=(x_test, y_test), verbose=2)

# %% verify
outputs = model.predict(x_test, verbose=0)
predicted = outputs.argmax(1)
actual = y_test


# %% fix pad
def fill(clips):
    out = np.full((len(clips), FRAMES, BANDS), -100.0, dtype="float32")
    for row, clip in zip(out, clips):
        row[: len(clip)] = clip
    return out / 20  # about -3 for silence


x_train, x_test = fill(train_clips), fill(test_clips)
