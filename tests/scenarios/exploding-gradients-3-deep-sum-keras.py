# framework: keras
# kind: faulty
# cause: exploding-gradients
# also: learning-rate-too-high
# data: image
# story: twenty-four blocks are each added to what came before, without a normalization, and everything grows
# loss: "sparse_categorical_crossentropy" in fit
# holdout: no

# %% setup
import keras
import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

keras.utils.set_random_seed(14)
digits = load_digits()
images = (digits.data / 16.0 - 0.5).astype("float32")
x_train, x_test, y_train, y_test = train_test_split(images, digits.target, random_state=14)


# %% model
def block(x, units):
    h = keras.layers.Dense(units, activation="relu", kernel_initializer="he_normal")(x)
    h = keras.layers.Dense(units, kernel_initializer="he_normal")(h)
    return keras.layers.add([x, h])


inputs = keras.Input((64,))
x = keras.layers.Dense(32)(inputs)
for _ in range(12):
    x = block(x, 32)
outputs = keras.layers.Dense(10, activation="softmax")(x)
model = keras.Model(inputs, outputs)
model.compile(
    optimizer=keras.optimizers.SGD(learning_rate=0.02),
    loss="sparse_categorical_crossentropy",
    metrics=["accuracy"],
)

# %% train
model.fit(x_train, y_train, batch_size=32, epochs=8, verbose=2)

# %% verify
predicted = model.predict(x_test, verbose=0).argmax(1)
actual = y_test


# %% fix model
def block(x, units):
    h = keras.layers.Dense(units, activation="relu", kernel_initializer="he_normal")(x)
    h = keras.layers.Dense(units, kernel_initializer="he_normal")(h)
    return keras.layers.add([x, h])


inputs = keras.Input((64,))
x = keras.layers.Dense(32)(inputs)
for _ in range(12):
    x = block(x, 32)
outputs = keras.layers.Dense(10, activation="softmax")(x)
model = keras.Model(inputs, outputs)
model.compile(
    optimizer=keras.optimizers.SGD(learning_rate=0.02, global_clipnorm=1.0),
    loss="sparse_categorical_crossentropy",
    metrics=["accuracy"],
)
