# framework: keras
# kind: faulty
# cause: label-encoding
# data: tabular
# story: one-hot labels for a loss that wants indices: fit raises
# loss: "sparse_categorical_crossentropy" as a string, model.fit
# raises: ValueError
# holdout: no
# fast: yes

# %% imports
import numpy as np
import tensorflow as tf
from sklearn.datasets import load_iris
from sklearn.preprocessing import OneHotEncoder

np.random.seed(1)
tf.keras.utils.set_random_seed(1)

# %% data
iris = load_iris()
idx = np.random.permutation(150)
X = iris.data[idx].astype("float32")
X -= X.mean(axis=0)
enc = OneHotEncoder(sparse_output=False)
Y = enc.fit_transform(iris.target[idx].reshape(-1, 1))
print(Y[:3])

# %% train
net = tf.keras.models.Sequential(
    [
        tf.keras.layers.Input((4,)),
        tf.keras.layers.Dense(16, activation="relu"),
        tf.keras.layers.Dense(3, activation="softmax"),
    ]
)
net.compile(
    optimizer=tf.keras.optimizers.Adam(0.02),
    loss="sparse_categorical_crossentropy",
    metrics=["accuracy"],
)
net.fit(X[:110], Y[:110], epochs=12, batch_size=10, verbose=0)

# %% verify
outputs = net.predict(X[110:], verbose=0)
predicted = outputs.argmax(1)
actual = iris.target[idx][110:]

# %% fix train
net = tf.keras.models.Sequential(
    [
        tf.keras.layers.Input((4,)),
        tf.keras.layers.Dense(16, activation="relu"),
        tf.keras.layers.Dense(3, activation="softmax"),
    ]
)
net.compile(
    optimizer=tf.keras.optimizers.Adam(0.02),
    loss="categorical_crossentropy",
    metrics=["accuracy"],
)
net.fit(X[:110], Y[:110], epochs=12, batch_size=10, verbose=0)
