# framework: keras
# kind: faulty
# cause: one-class-batches
# data: image
# story: digits are read folder by folder and cut into batches as they come, and nobody shuffles them
# loss: "sparse_categorical_crossentropy" in fit on a tf.data.Dataset
# holdout: yes

# %% setup
import keras
import numpy as np
import tensorflow as tf
from sklearn.datasets import load_digits

keras.utils.set_random_seed(11)
digits = load_digits()
rng = np.random.RandomState(11)
keep = rng.permutation(len(digits.target))
test_rows, train_rows = keep[:450], keep[450:]

# one folder per digit, as on the disk
images, labels = [], []
for d in range(10):
    rows = train_rows[digits.target[train_rows] == d]
    images.append(digits.images[rows] / 16.0)
    labels.append(np.full(len(rows), d))
images = np.concatenate(images).astype("float32")[..., None]
labels = np.concatenate(labels)

ds = tf.data.Dataset.from_tensor_slices((images, labels)).batch(16).prefetch(2)

# %% model
net = keras.Sequential(
    [
        keras.Input((8, 8, 1)),
        keras.layers.Conv2D(12, 3, activation="relu"),
        keras.layers.Flatten(),
        keras.layers.Dense(32, activation="relu"),
        keras.layers.Dense(10, activation="softmax"),
    ]
)
net.compile(
    optimizer=keras.optimizers.Adam(3e-3),
    loss="sparse_categorical_crossentropy",
    metrics=["accuracy"],
)

# %% train
history = net.fit(ds, epochs=5, verbose=2)
print(history.history["accuracy"])

# %% verify
probs = net.predict(digits.images[test_rows].astype("float32")[..., None] / 16.0, verbose=0)
predicted = probs.argmax(1)
actual = digits.target[test_rows]

# %% fix setup
import keras
import numpy as np
import tensorflow as tf
from sklearn.datasets import load_digits

keras.utils.set_random_seed(11)
digits = load_digits()
rng = np.random.RandomState(11)
keep = rng.permutation(len(digits.target))
test_rows, train_rows = keep[:450], keep[450:]

# one folder per digit, as on the disk
images, labels = [], []
for d in range(10):
    rows = train_rows[digits.target[train_rows] == d]
    images.append(digits.images[rows] / 16.0)
    labels.append(np.full(len(rows), d))
images = np.concatenate(images).astype("float32")[..., None]
labels = np.concatenate(labels)

ds = tf.data.Dataset.from_tensor_slices((images, labels)).shuffle(len(labels), seed=11)
ds = ds.batch(16).prefetch(2)
