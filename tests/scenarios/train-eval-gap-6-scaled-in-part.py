# framework: keras
# kind: faulty
# cause: train-eval-gap
# data: tabular
# story: the scaler is applied to the training rows and forgotten for the others
# loss: "sparse_categorical_crossentropy" in fit with validation_data
# holdout: no

# %% setup
import keras
import numpy as np
from sklearn.datasets import load_breast_cancer
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler

keras.utils.set_random_seed(0)
x, y = load_breast_cancer(return_X_y=True)
x_tr, x_va, y_tr, y_va = train_test_split(x, y, test_size=0.35, random_state=0, stratify=y)

# %% scale
scaler = StandardScaler().fit(x_tr)
x_tr = scaler.transform(x_tr)

# %% train
model = keras.Sequential(
    [
        keras.Input((30,)),
        keras.layers.Dense(24, activation="relu"),
        keras.layers.Dense(2, activation="softmax"),
    ]
)
model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
model.fit(x_tr, y_tr, validation_data=(x_va, y_va), epochs=20, batch_size=16, verbose=2)

# %% verify
predicted = model.predict(x_va, verbose=0).argmax(1)
actual = y_va

# %% fix scale
scaler = StandardScaler().fit(x_tr)
x_tr = scaler.transform(x_tr)
x_va = scaler.transform(x_va)
