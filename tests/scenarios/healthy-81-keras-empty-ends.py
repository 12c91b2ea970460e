# framework: keras
# kind: healthy
# data: sequence
# story: most of each row is empty and nothing masks it, but a maximum of relu units over time does not see zeros
# loss: "binary_crossentropy" in compile, model.fit
# holdout: no

# %% imports
import keras
import numpy as np

keras.utils.set_random_seed(181)
rng = np.random.default_rng(181)

# %% ground shakes: short records in long rows
ROW = 150


def record(blast):
    n = rng.integers(15, 36)
    t = np.arange(n)
    trace = rng.normal(0, 0.3, n)
    onset = rng.integers(2, n - 10)
    fade = np.exp(-(t - onset) / (2.0 if blast else 7.0)) * (t >= onset)
    return trace + 2.0 * fade * np.sin((2.2 if blast else 1.1) * (t - onset) + 1)


blast = rng.integers(0, 2, 2000)
rows = np.zeros((2000, ROW, 1), dtype="float32")
for row, kind in zip(rows, blast):
    trace = record(kind)
    row[: len(trace), 0] = trace

# %% train
model = keras.Sequential(
    [
        keras.Input((ROW, 1)),
        keras.layers.Conv1D(12, 7, activation="relu"),
        keras.layers.GlobalMaxPooling1D(),
        keras.layers.Dense(1, activation="sigmoid"),
    ]
)
model.compile(keras.optimizers.Adam(5e-3), "binary_crossentropy", metrics=["accuracy"])
model.fit(rows[:1600], blast[:1600], batch_size=32, epochs=5, verbose=2)

# %% verify
outputs = model.predict(rows[1600:], verbose=0)[:, 0]
predicted = (outputs > 0.5).astype(int)
actual = blast[1600:]
