# framework: keras
# kind: faulty
# cause: over-regularized
# data: tabular
# story: an L2 penalty of 1 on every kernel
# loss: "sparse_categorical_crossentropy"
# holdout: no

# %% setup
import keras
import numpy as np
from sklearn.datasets import load_breast_cancer
from sklearn.preprocessing import StandardScaler

keras.utils.set_random_seed(0)
x, y = load_breast_cancer(return_X_y=True)
x = StandardScaler().fit_transform(x)
p = np.random.default_rng(0).permutation(len(y))
x, y = x[p], y[p]

# %% strength
L2 = 1.0

# %% train
reg = keras.regularizers.l2(L2)
model = keras.Sequential(
    [
        keras.Input((30,)),
        keras.layers.Dense(32, activation="relu", kernel_regularizer=reg),
        keras.layers.Dense(16, activation="relu", kernel_regularizer=reg),
        keras.layers.Dense(2, activation="softmax", kernel_regularizer=reg),
    ]
)
model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
model.fit(x[:400], y[:400], epochs=20, batch_size=16, verbose=0)

# %% verify
predicted = model.predict(x[400:], verbose=0).argmax(1)
actual = y[400:]

# %% fix strength
L2 = 1e-4
