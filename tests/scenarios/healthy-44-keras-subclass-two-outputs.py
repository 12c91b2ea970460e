# framework: keras
# kind: healthy
# data: sequence
# story: two outputs with losses of their own, classes and a duration, and batches of four
# loss: {"kind": "sparse_categorical_crossentropy", "length": "mse"} with loss_weights
# holdout: no

# %% setup
import keras
import numpy as np
from keras import layers

keras.utils.set_random_seed(18)
rng = np.random.default_rng(18)
N, T = 900, 24
kind = rng.choice(3, N, p=[0.5, 0.3, 0.2])
length = rng.integers(6, 19, N)
signal = rng.normal(0, 0.25, size=(N, T)).astype("float32")
for i in range(N):
    s = rng.integers(0, T - length[i] + 1)
    u = np.linspace(0, 1, length[i])
    signal[i, s : s + length[i]] += (u, 1 - u, np.ones_like(u))[kind[i]]
x = signal[..., None]
targets = {"kind": kind, "length": (length / 10.0).astype("float32")}
train = {k: v[:700] for k, v in targets.items()}
test = {k: v[700:] for k, v in targets.items()}

inp = keras.Input((T, 1))
h = layers.Conv1D(16, 5, activation="relu", padding="same")(inp)
h = layers.MaxPooling1D(2)(h)
h = layers.Conv1D(16, 5, activation="relu", padding="same")(h)
h = layers.Dense(32, activation="relu")(layers.Flatten()(h))
net = keras.Model(
    inp,
    {
        "kind": layers.Dense(3, activation="softmax", name="kind")(h),
        "length": layers.Dense(1, name="length")(h),
    },
)
net.compile(
    optimizer=keras.optimizers.Adam(2e-3),
    loss={"kind": "sparse_categorical_crossentropy", "length": "mse"},
    loss_weights={"kind": 1.0, "length": 0.5},
)

# %% train
net.fit(x[:700], train, epochs=6, batch_size=4, validation_data=(x[700:], test), verbose=2)

# %% verify
out = net.predict(x[700:], verbose=0)
outputs = out["kind"]
predicted = outputs.argmax(1)
actual = test["kind"]
