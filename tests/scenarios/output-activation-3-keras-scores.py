# framework: keras
# kind: faulty
# cause: output-activation
# also: missing-activation
# data: image
# story: the layer of the scores has relu, "scores cannot be negative"
# loss: "sparse_categorical_crossentropy" in compile, model.fit
# holdout: no

# %% setup
import keras
import numpy as np
from keras import layers
from sklearn.datasets import load_digits

keras.utils.set_random_seed(17)
digits = load_digits()
order = np.random.permutation(len(digits.data))
data, target = digits.data[order] / 16.0, digits.target[order]
train_data, train_target = data[:1300], target[:1300]
test_data, test_target = data[1300:], target[1300:]

# %% model
inputs = keras.Input((64,), name="pixels")
h = layers.Dense(64, activation="relu")(inputs)
h = layers.Dense(32, activation="relu")(h)
scores = layers.Dense(10, activation="relu", name="scores")(h)
net = keras.Model(inputs, scores)
net.compile(
    optimizer=keras.optimizers.Adam(1e-3),
    loss="sparse_categorical_crossentropy",
    metrics=["accuracy"],
)

# %% train
history = net.fit(
    train_data, train_target, validation_split=0.1, epochs=12, batch_size=32, verbose=2
)

# %% verify
outputs = net.predict(test_data, verbose=0)
predicted = outputs.argmax(-1)
actual = test_target

# %% fix model
inputs = keras.Input((64,), name="pixels")
h = layers.Dense(64, activation="relu")(inputs)
h = layers.Dense(32, activation="relu")(h)
scores = layers.Dense(10, activation="softmax", name="scores")(h)
net = keras.Model(inputs, scores)
net.compile(
    optimizer=keras.optimizers.Adam(1e-3),
    loss="sparse_categorical_crossentropy",
    metrics=["accuracy"],
)
