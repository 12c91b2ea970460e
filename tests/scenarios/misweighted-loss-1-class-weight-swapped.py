# framework: keras
# kind: faulty
# cause: misweighted-loss
# also: class-imbalance
# data: tabular
# story: the keys of class_weight are swapped, so that the frequent class counts eight times
# loss: "binary_crossentropy" with class_weight in fit
# holdout: yes

# %% setup
import keras
import numpy as np
from keras import layers

keras.utils.set_random_seed(9)
rng = np.random.default_rng(9)
N = 3000
X = rng.normal(size=(N, 5)).astype("float32")
churned = (X[:, 0] + X[:, 1] + 0.8 * rng.normal(size=N) > 1.95).astype("int32")
share = churned.mean()
print("churned", share)
weights = {0: 1 / share, 1: 1 / (1 - share)}

model = keras.Sequential(
    [keras.Input((5,)), layers.Dense(16, activation="relu"), layers.Dense(1, activation="sigmoid")]
)
model.compile("adam", "binary_crossentropy")

# %% train
model.fit(X[:2400], churned[:2400], epochs=8, batch_size=20, class_weight=weights, verbose=2)

# %% verify
outputs = model.predict(X[2400:], verbose=0)[:, 0]
predicted = (outputs > 0.5).astype(int)
actual = churned[2400:]

# %% fix setup
import keras
import numpy as np
from keras import layers

keras.utils.set_random_seed(9)
rng = np.random.default_rng(9)
N = 3000
X = rng.normal(size=(N, 5)).astype("float32")
churned = (X[:, 0] + X[:, 1] + 0.8 * rng.normal(size=N) > 1.95).astype("int32")
share = churned.mean()
print("churned", share)
weights = {0: 1 / (1 - share), 1: 1 / share}

model = keras.Sequential(
    [keras.Input((5,)), layers.Dense(16, activation="relu"), layers.Dense(1, activation="sigmoid")]
)
model.compile("adam", "binary_crossentropy")
