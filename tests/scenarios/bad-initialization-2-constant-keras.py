# framework: keras
# kind: faulty
# cause: bad-initialization
# data: tabular
# story: every layer begins with the same small constant, for reproducible runs
# loss: "sparse_categorical_crossentropy" in compile, model.fit
# holdout: no

# %% setup
import keras
import numpy as np
from keras import initializers, layers

keras.utils.set_random_seed(37)
rng = np.random.default_rng(37)
# a chess board of two colours
points = rng.uniform(-2, 2, size=(2400, 2)).astype("float32")
colour = ((np.floor(points[:, 0]) + np.floor(points[:, 1])) % 2).astype(int)

# %% model
start = initializers.Constant(0.05)
inputs = keras.Input((2,))
z = inputs
for width in (48, 48):
    z = layers.Dense(width, activation="tanh", kernel_initializer=start)(z)
outputs = layers.Dense(2, activation="softmax", kernel_initializer=start)(z)
board = keras.Model(inputs, outputs)
board.compile(
    optimizer=keras.optimizers.Adam(0.01),
    loss="sparse_categorical_crossentropy",
    metrics=["accuracy"],
)

# %% train
log = board.fit(points[:2000], colour[:2000], epochs=40, batch_size=50, verbose=0)
print(log.history["accuracy"][::8])

# %% verify
outputs = board.predict(points[2000:], verbose=0)
predicted = outputs.argmax(-1)
actual = colour[2000:]

# %% fix model
inputs = keras.Input((2,))
z = inputs
for width in (48, 48):
    z = layers.Dense(width, activation="tanh")(z)
outputs = layers.Dense(2, activation="softmax")(z)
board = keras.Model(inputs, outputs)
board.compile(
    optimizer=keras.optimizers.Adam(0.01),
    loss="sparse_categorical_crossentropy",
    metrics=["accuracy"],
)
