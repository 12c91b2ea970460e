# framework: keras
# kind: faulty
# cause: over-regularized
# data: tabular
# story: an L2 penalty of 1 on every kernel leaves nothing of the weights
# loss: "categorical_crossentropy" as a string, model.fit
# holdout: yes

# %% setup
import keras
import numpy as np
from keras import layers, regularizers
from sklearn.datasets import load_wine

keras.utils.set_random_seed(12)
wine = load_wine()
rng = np.random.default_rng(12)
rows = rng.integers(0, len(wine.target), 1600)
x = (wine.data - wine.data.mean(0)) / wine.data.std(0)
x = (x[rows] + rng.normal(0, 0.4, (1600, 13))).astype("float32")
y = keras.utils.to_categorical(wine.target[rows], 3)
STRENGTH = 1.0


def dense(units, activation):
    return layers.Dense(units, activation=activation, kernel_regularizer=regularizers.l2(STRENGTH))


model = keras.Sequential(
    [keras.Input((13,)), dense(32, "relu"), dense(16, "relu"), dense(3, "softmax")]
)
model.compile("adam", "categorical_crossentropy", metrics=["accuracy"])

# %% train
model.fit(x[:1200], y[:1200], batch_size=16, epochs=10, verbose=2)

# %% verify
predicted = model.predict(x[1200:], verbose=0).argmax(1)
actual = y[1200:].argmax(1)

# %% fix setup
import keras
import numpy as np
from keras import layers, regularizers
from sklearn.datasets import load_wine

keras.utils.set_random_seed(12)
wine = load_wine()
rng = np.random.default_rng(12)
rows = rng.integers(0, len(wine.target), 1600)
x = (wine.data - wine.data.mean(0)) / wine.data.std(0)
x = (x[rows] + rng.normal(0, 0.4, (1600, 13))).astype("float32")
y = keras.utils.to_categorical(wine.target[rows], 3)
STRENGTH = 1e-3


def dense(units, activation):
    return layers.Dense(units, activation=activation, kernel_regularizer=regularizers.l2(STRENGTH))


model = keras.Sequential(
    [keras.Input((13,)), dense(32, "relu"), dense(16, "relu"), dense(3, "softmax")]
)
model.compile("adam", "categorical_crossentropy", metrics=["accuracy"])
