# framework: keras
# kind: faulty
# cause: learning-rate-too-low
# also: undertrained
# data: image
# story: the exponential decay is meant for epochs and is taken every step, so that the rate is gone in the first epoch
# loss: "sparse_categorical_crossentropy" in compile, model.fit
# holdout: yes

# %% setup
import keras
import numpy as np
from keras import layers
from sklearn.datasets import load_digits

keras.utils.set_random_seed(3)
digits = load_digits()
order = np.random.default_rng(3).permutation(len(digits.images))
images = (digits.images[order] / 16.0).astype("float32")[..., None]
target = digits.target[order]
x_train, y_train, x_test, y_test = images[:1300], target[:1300], images[1300:], target[1300:]

# %% model
schedule = keras.optimizers.schedules.ExponentialDecay(0.01, decay_steps=1, decay_rate=0.7)
model = keras.Sequential(
    [
        keras.Input((8, 8, 1)),
        layers.Conv2D(12, 3, activation="relu"),
        layers.Flatten(),
        layers.Dense(32, activation="relu"),
        layers.Dense(10, activation="softmax"),
    ]
)
model.compile(
    keras.optimizers.SGD(schedule, momentum=0.9),
    "sparse_categorical_crossentropy",
    metrics=["accuracy"],
)

# %% train
model.fit(x_train, y_train, batch_size=20, epochs=6, verbose=2, validation_data=(x_test, y_test))

# %% verify
predicted = model.predict(x_test, verbose=0).argmax(1)
actual = y_test

# %% fix model
schedule = keras.optimizers.schedules.ExponentialDecay(
    0.01, decay_steps=len(x_train) // 20, decay_rate=0.7
)
model = keras.Sequential(
    [
        keras.Input((8, 8, 1)),
        layers.Conv2D(12, 3, activation="relu"),
        layers.Flatten(),
        layers.Dense(32, activation="relu"),
        layers.Dense(10, activation="softmax"),
    ]
)
model.compile(
    keras.optimizers.SGD(schedule, momentum=0.9),
    "sparse_categorical_crossentropy",
    metrics=["accuracy"],
)
