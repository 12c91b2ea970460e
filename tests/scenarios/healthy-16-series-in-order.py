# framework: keras
# kind: healthy
# data: sequence
# story: a time series in its order, unshuffled, in which whole batches have one label
# loss: "binary_crossentropy" as a string, model.fit(shuffle=False)
# holdout: yes

# %% setup
import keras
import numpy as np

keras.utils.set_random_seed(25)
rng = np.random.default_rng(25)
t = np.arange(3000)
load = np.sin(2 * np.pi * t / 240) + 0.15 * rng.normal(size=3000)
above = (np.sin(2 * np.pi * (t + 6) / 240) > 0).astype("int32")  # in six hours
LAGS = 12
frames = np.lib.stride_tricks.sliding_window_view(load, LAGS)[:-1]
future = above[LAGS:]
split = 2300

model = keras.Sequential(
    [
        keras.Input((LAGS,)),
        keras.layers.Dense(24, activation="relu"),
        keras.layers.Dense(1, activation="sigmoid"),
    ]
)
model.compile(keras.optimizers.Adam(3e-3), "binary_crossentropy", metrics=["accuracy"])

# %% train
model.fit(
    frames[:split],
    future[:split],
    validation_data=(frames[split:], future[split:]),
    epochs=6,
    batch_size=24,
    shuffle=False,
    verbose=2,
)

# %% verify
outputs = model.predict(frames[split:], verbose=0)[:, 0]
predicted = (outputs > 0.5).astype(int)
actual = future[split:]
