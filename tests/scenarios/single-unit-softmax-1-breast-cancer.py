# framework: keras
# kind: faulty
# cause: single-unit-softmax
# data: tabular
# story: a softmax over a single unit is always one, so every tumour is called benign
# loss: "binary_crossentropy" as a string, model.fit
# holdout: yes

# %% setup
import keras
import numpy as np
from keras import layers
from sklearn.datasets import load_breast_cancer
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler

keras.utils.set_random_seed(42)

data = load_breast_cancer()
X_train, X_test, y_train, y_test = train_test_split(
    data.data, data.target, test_size=0.3, random_state=42
)
sc = StandardScaler()
X_train = sc.fit_transform(X_train)
X_test = sc.transform(X_test)

# %% model
classifier = keras.Sequential(
    [
        keras.Input(shape=(30,)),
        layers.Dense(16, activation="relu"),
        layers.Dense(8, activation="relu"),
        layers.Dense(1, activation="softmax"),
    ]
)
classifier.compile(optimizer="adam", loss="binary_crossentropy", metrics=["accuracy"])
classifier.summary()

# %% train
hist = classifier.fit(X_train, y_train, validation_split=0.1, epochs=15, batch_size=16, verbose=2)

# %% verify
outputs = classifier.predict(X_test, verbose=0)
predicted = (outputs[:, 0] > 0.5).astype(int)
actual = y_test

# %% fix model
classifier = keras.Sequential(
    [
        keras.Input(shape=(30,)),
        layers.Dense(16, activation="relu"),
        layers.Dense(8, activation="relu"),
        layers.Dense(1, activation="sigmoid"),
    ]
)
classifier.compile(optimizer="adam", loss="binary_crossentropy", metrics=["accuracy"])
classifier.summary()
