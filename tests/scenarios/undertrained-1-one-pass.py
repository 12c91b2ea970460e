# framework: keras
# kind: faulty
# cause: undertrained
# also: learning-rate-too-low
# data: image
# story: one epoch of large batches, and then the results are reported
# loss: keras.losses.CategoricalCrossentropy() in compile, model.fit
# holdout: yes

# %% setup
import keras
import numpy as np
from keras import layers

keras.utils.set_random_seed(6)
rng = np.random.default_rng(6)
N, SIDE, CLASSES = 6000, 8, 5
prototypes = rng.normal(size=(CLASSES, SIDE, SIDE))
kind = rng.integers(0, CLASSES, N)
pictures = (prototypes[kind] + rng.normal(0, 1.6, (N, SIDE, SIDE))).astype("float32") * 0.5
one_hot = keras.utils.to_categorical(kind, CLASSES)

net = keras.Sequential(
    [
        keras.Input((SIDE, SIDE)),
        layers.Flatten(),
        layers.Dense(24, activation="tanh"),
        layers.Dense(CLASSES, activation="softmax"),
    ]
)
net.compile(keras.optimizers.SGD(0.005), keras.losses.CategoricalCrossentropy())
EPOCHS = 1

# %% train
net.fit(pictures[:5000], one_hot[:5000], batch_size=125, epochs=EPOCHS, verbose=2)

# %% verify
predicted = net.predict(pictures[5000:], verbose=0).argmax(1)
actual = kind[5000:]

# %% fix setup
import keras
import numpy as np
from keras import layers

keras.utils.set_random_seed(6)
rng = np.random.default_rng(6)
N, SIDE, CLASSES = 6000, 8, 5
prototypes = rng.normal(size=(CLASSES, SIDE, SIDE))
kind = rng.integers(0, CLASSES, N)
pictures = (prototypes[kind] + rng.normal(0, 1.6, (N, SIDE, SIDE))).astype("float32") * 0.5
one_hot = keras.utils.to_categorical(kind, CLASSES)

net = keras.Sequential(
    [
        keras.Input((SIDE, SIDE)),
        layers.Flatten(),
        layers.Dense(24, activation="tanh"),
        layers.Dense(CLASSES, activation="softmax"),
    ]
)
net.compile(keras.optimizers.SGD(0.005), keras.losses.CategoricalCrossentropy())
EPOCHS = 60
