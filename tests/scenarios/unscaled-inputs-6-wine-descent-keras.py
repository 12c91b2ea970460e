# framework: keras
# kind: faulty
# cause: unscaled-inputs
# data: tabular
# story: raw wine through sgd
# loss: "sparse_categorical_crossentropy"
# holdout: no

# %% setup
import keras
import numpy as np
from sklearn.datasets import load_wine
from sklearn.model_selection import train_test_split

keras.utils.set_random_seed(0)
x, y = load_wine(return_X_y=True)
xa, xb, ya, yb = train_test_split(x, y, random_state=0, test_size=0.3, stratify=y)

# %% prepare
xa, xb = xa.astype("float32"), xb.astype("float32")

# %% train
m = keras.Sequential(
    [
        keras.Input((13,)),
        keras.layers.Dense(16, activation="relu"),
        keras.layers.Dense(3, activation="softmax"),
    ]
)
m.compile("sgd", "sparse_categorical_crossentropy", metrics=["accuracy"])
m.fit(xa, ya, epochs=40, batch_size=8, verbose=0)

# %% verify
predicted = m.predict(xb, verbose=0).argmax(1)
actual = yb

# %% fix prepare
mean, std = xa.mean(0), xa.std(0)
xa, xb = (xa - mean) / std, (xb - mean) / std
