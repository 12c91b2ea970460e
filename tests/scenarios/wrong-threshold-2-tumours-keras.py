# framework: keras
# kind: faulty
# cause: wrong-threshold
# data: tabular
# story: the classes are taken by argmax from the single column of a sigmoid
# loss: "binary_crossentropy" in compile
# holdout: no

# %% data
import keras
import numpy as np
from sklearn.datasets import load_breast_cancer
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler

keras.utils.set_random_seed(12)
X, y = load_breast_cancer(return_X_y=True)
X_train, X_test, y_train, y_test = train_test_split(
    X, y, test_size=0.3, random_state=12, stratify=y
)
scaler = StandardScaler().fit(X_train)
X_train, X_test = scaler.transform(X_train), scaler.transform(X_test)


# %% evaluation
def classify(net, rows):
    """class of every row"""
    probabilities = net.predict(rows, verbose=0)
    return np.argmax(probabilities, axis=1)


def report(net, rows, truth):
    said = classify(net, rows)
    for k in np.unique(truth):
        print(f"class {k}: {np.mean(said[truth == k] == k):.1%} found")


# %% train
model = keras.Sequential(
    [
        keras.Input((30,)),
        keras.layers.Dense(16, activation="relu"),
        keras.layers.Dense(8, activation="relu"),
        keras.layers.Dense(1, activation="sigmoid"),
    ]
)
model.compile(optimizer=keras.optimizers.Adam(5e-3), loss="binary_crossentropy")
model.fit(X_train, y_train, batch_size=16, epochs=8, verbose=2)
report(model, X_test, y_test)  # 0 % of class 1?? the loss is fine

# %% verify
predicted = classify(model, X_test)
actual = y_test


# %% fix evaluation
def classify(net, rows):
    """class of every row"""
    probabilities = net.predict(rows, verbose=0)
    return (probabilities[:, 0] > 0.5).astype(int)


def report(net, rows, truth):
    said = classify(net, rows)
    for k in np.unique(truth):
        print(f"class {k}: {np.mean(said[truth == k] == k):.1%} found")
