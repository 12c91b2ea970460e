# framework: keras
# kind: healthy
# data: sequence
# story: a time series in its own order, without shuffling; the regimes last long
# loss: "binary_crossentropy" in fit(shuffle=False)
# holdout: no

# %% setup
import keras
import numpy as np

keras.utils.set_random_seed(40)
rng = np.random.default_rng(40)
# market regimes: calm and volatile, about 60 days each
n, window = 2600, 12
regime = np.zeros(n, dtype=int)
for i in range(1, n):
    regime[i] = regime[i - 1] if rng.random() > 1 / 60 else 1 - regime[i - 1]
returns = rng.normal(0, np.where(regime == 1, 2.5, 0.8))
frames = np.stack([returns[i - window : i] for i in range(window, n)])[..., None]
target = regime[window - 1 : n - 1]
split = 2000
x_train, y_train, x_test, y_test = frames[:split], target[:split], frames[split:], target[split:]
print(y_train.mean(), y_test.mean())

model = keras.Sequential(
    [
        keras.Input((window, 1)),
        keras.layers.GRU(16),
        keras.layers.Dense(1, activation="sigmoid"),
    ]
)
model.compile(optimizer=keras.optimizers.Adam(0.01), loss="binary_crossentropy", metrics=["acc"])

# %% train
# no leakage from the future please
model.fit(
    x_train,
    y_train,
    epochs=8,
    batch_size=32,
    shuffle=False,
    validation_data=(x_test, y_test),
    verbose=2,
)

# %% verify
outputs = model.predict(x_test, verbose=0).ravel()
predicted = (outputs > 0.5).astype(int)
actual = y_test
