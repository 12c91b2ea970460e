# framework: keras
# kind: faulty
# cause: non-finite
# data: tabular
# story: missing values in one column of the table turn every weight into NaN
# loss: "sparse_categorical_crossentropy" as a string, model.fit
# holdout: yes

# %% setup
import keras
import numpy as np
from sklearn.datasets import load_wine
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler

keras.utils.set_random_seed(60)
rng = np.random.default_rng(60)
wine = load_wine()
X = wine.data.copy()
X[rng.choice(len(X), 9, replace=False), 4] = np.nan  # what the lab did not measure
X = StandardScaler().fit_transform(X)
Xtr, Xte, ytr, yte = train_test_split(X, wine.target, test_size=0.3, random_state=60)

model = keras.Sequential(
    [
        keras.Input((13,)),
        keras.layers.Dense(24, activation="relu"),
        keras.layers.Dense(3, activation="softmax"),
    ]
)
model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])

# %% train
model.fit(Xtr, ytr, epochs=12, batch_size=8, verbose=2)

# %% verify
outputs = model.predict(Xte, verbose=0)
predicted = outputs.argmax(1)
actual = yte

# %% fix setup
import keras
import numpy as np
from sklearn.datasets import load_wine
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler

keras.utils.set_random_seed(60)
rng = np.random.default_rng(60)
wine = load_wine()
X = wine.data.copy()
X[rng.choice(len(X), 9, replace=False), 4] = np.nan  # what the lab did not measure
X = np.where(np.isnan(X), np.nanmean(X, axis=0), X)
X = StandardScaler().fit_transform(X)
Xtr, Xte, ytr, yte = train_test_split(X, wine.target, test_size=0.3, random_state=60)

model = keras.Sequential(
    [
        keras.Input((13,)),
        keras.layers.Dense(24, activation="relu"),
        keras.layers.Dense(3, activation="softmax"),
    ]
)
model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
