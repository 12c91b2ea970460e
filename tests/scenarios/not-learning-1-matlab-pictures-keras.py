# framework: keras
# kind: faulty
# cause: not-learning
# also: noisy-labels, overfitting, constant-output
# data: image
# story: the file has the pictures along the last axis, and reshape instead of a transpose mixes pixels of many pictures
# loss: keras.losses.SparseCategoricalCrossentropy(from_logits=True) in compile, model.fit
# holdout: yes

# %% imports
import io

import keras
import numpy as np
from scipy.io import loadmat, savemat
from sklearn.datasets import load_digits

keras.utils.set_random_seed(91)

# %% the lab's file
digits = load_digits()
order = np.random.default_rng(91).permutation(len(digits.target))
file = io.BytesIO()
savemat(file, {"X": digits.images[order].transpose(1, 2, 0), "y": digits.target[order][:, None]})

# %% load
file.seek(0)
mat = loadmat(file)
print({k: v.shape for k, v in mat.items() if k in "Xy"})
X = mat["X"].reshape(-1, 8, 8, 1).astype("float32") / 16
y = mat["y"].ravel()
X_train, y_train, X_test, y_test = X[:1400], y[:1400], X[1400:], y[1400:]

# %% train
cnn = keras.Sequential(
    [
        keras.Input((8, 8, 1)),
        keras.layers.Conv2D(8, 3, activation="relu"),
        keras.layers.MaxPooling2D(),
        keras.layers.Flatten(),
        keras.layers.Dense(16, activation="relu"),
        keras.layers.Dense(10),
    ]
)
cnn.compile(
    optimizer=keras.optimizers.Adam(3e-3),
    loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    metrics=["accuracy"],
)
cnn.fit(X_train, y_train, epochs=7, batch_size=28, validation_data=(X_test, y_test), verbose=2)

# %% verify
predicted = cnn.predict(X_test, verbose=0).argmax(1)
actual = y_test

# %% fix load
file.seek(0)
mat = loadmat(file)
print({k: v.shape for k, v in mat.items() if k in "Xy"})
X = mat["X"].transpose(2, 0, 1)[..., None].astype("float32") / 16
y = mat["y"].ravel()
X_train, y_train, X_test, y_test = X[:1400], y[:1400], X[1400:], y[1400:]
