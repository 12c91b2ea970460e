# framework: keras
# kind: faulty
# cause: overfitting
# data: image
# story: odd or even, with wrong labels among them, a large network and many epochs: it is best after the first ones
# loss: "sparse_categorical_crossentropy" in fit
# holdout: no

# %% setup
import keras
import numpy as np
from sklearn.datasets import load_digits

keras.utils.set_random_seed(27)
rng = np.random.default_rng(27)
x, y = load_digits(return_X_y=True)
order = rng.permutation(len(y))
x, y = (x[order] / 16).astype("float32"), y[order] % 2
x = x + rng.normal(0, 0.2, x.shape).astype("float32")  # a poor scanner
# a part of the forms was typed in by somebody who did not look
told = np.where(rng.random(len(y)) < 0.33, 1 - y, y)
x_train, y_train = x[:450], told[:450]
x_val, y_val = x[450:1000], told[450:1000]
x_test, y_test = x[1000:], y[1000:]

# %% model
model = keras.Sequential(
    [
        keras.Input((64,)),
        keras.layers.Dense(512, activation="relu"),
        keras.layers.Dense(512, activation="relu"),
        keras.layers.Dense(2, activation="softmax"),
    ]
)
model.compile(
    optimizer=keras.optimizers.Adam(2e-3),
    loss="sparse_categorical_crossentropy",
    metrics=["accuracy"],
)

# %% train
history = model.fit(
    x_train, y_train, batch_size=25, epochs=25, validation_data=(x_val, y_val), verbose=2
)

# %% verify
predicted = model.predict(x_test, verbose=0).argmax(1)
actual = y_test

# %% fix train
history = model.fit(
    x_train,
    y_train,
    batch_size=25,
    epochs=25,
    validation_data=(x_val, y_val),
    verbose=2,
    callbacks=[keras.callbacks.EarlyStopping(patience=3, restore_best_weights=True)],
)
