# framework: keras
# kind: faulty
# cause: labels-out-of-range
# also: label-encoding
# data: tabular
# story: the labels are -1 and +1, as for a support vector machine, under a binary cross entropy
# loss: "binary_crossentropy" in compile, model.fit with class_weight
# holdout: yes

# %% setup
import keras
import numpy as np
from sklearn.datasets import make_moons

keras.utils.set_random_seed(83)
X, half = make_moons((1750, 650), noise=0.2, random_state=83)
y = np.where(half == 1, 1, -1)  # as in the exercises with the SVM
X_train, y_train, X_test, y_test = X[:1800], y[:1800], X[1800:], y[1800:]

# %% targets
targets = y_train

# %% train
mlp = keras.Sequential(
    [
        keras.Input((2,)),
        keras.layers.Dense(32, activation="relu"),
        keras.layers.Dense(16, activation="relu"),
        keras.layers.Dense(1, activation="sigmoid"),
    ]
)
mlp.compile(optimizer=keras.optimizers.Adam(5e-3), loss="binary_crossentropy")
mlp.fit(X_train, targets, batch_size=36, epochs=6, verbose=2)

# %% verify
outputs = mlp.predict(X_test, verbose=0)[:, 0]
predicted = np.where(outputs > 0.5, 1, -1)
actual = y_test

# %% fix targets
targets = (y_train + 1) / 2
