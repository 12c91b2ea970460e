# framework: keras
# kind: faulty
# cause: noisy-labels
# also: overfitting
# data: image
# story: images and labels are read from two lists, of which only one was brought into order before they are paired
# loss: "sparse_categorical_crossentropy" in fit
# holdout: no

# %% setup
import keras
import numpy as np
from sklearn.datasets import load_digits

keras.utils.set_random_seed(31)
rng = np.random.default_rng(31)
digits = load_digits()
shelf = rng.permutation(len(digits.target))

# names of files as the disk lists them: img_1, img_10, img_100 ...
names = sorted(f"img_{i}" for i in range(1200))
pictures = {f"img_{i}": digits.images[shelf[i]] / 16.0 for i in range(1200)}
labels = [int(digits.target[shelf[i]]) for i in range(1200)]  # labels.csv, line by line

x = np.stack([pictures[name] for name in names]).astype("float32")
y = np.array(labels)
x_test = (digits.images[shelf[1200:]] / 16.0).astype("float32")
y_test = digits.target[shelf[1200:]]

# %% model
model = keras.Sequential(
    [
        keras.Input((8, 8)),
        keras.layers.Flatten(),
        keras.layers.Dense(192, activation="relu"),
        keras.layers.Dense(96, activation="relu"),
        keras.layers.Dense(10, activation="softmax"),
    ]
)
model.compile(
    optimizer=keras.optimizers.Adam(4e-3),
    loss="sparse_categorical_crossentropy",
    metrics=["accuracy"],
)

# %% train
model.fit(x, y, batch_size=30, epochs=14, validation_split=0.3, verbose=2)

# %% verify
predicted = model.predict(x_test, verbose=0).argmax(1)
actual = y_test

# %% fix setup
import keras
import numpy as np
from sklearn.datasets import load_digits

keras.utils.set_random_seed(31)
rng = np.random.default_rng(31)
digits = load_digits()
shelf = rng.permutation(len(digits.target))

# names of files as the disk lists them: img_1, img_10, img_100 ...
names = [f"img_{i}" for i in range(1200)]
pictures = {f"img_{i}": digits.images[shelf[i]] / 16.0 for i in range(1200)}
labels = [int(digits.target[shelf[i]]) for i in range(1200)]  # labels.csv, line by line

x = np.stack([pictures[name] for name in names]).astype("float32")
y = np.array(labels)
x_test = (digits.images[shelf[1200:]] / 16.0).astype("float32")
y_test = digits.target[shelf[1200:]]
