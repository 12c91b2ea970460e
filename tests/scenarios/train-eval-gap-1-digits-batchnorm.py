# framework: keras
# kind: faulty
# cause: train-eval-gap
# data: image
# story: batch normalization behind a large raw scale and few steps: its moving averages never get there
# loss: "sparse_categorical_crossentropy" in fit
# holdout: yes

# %% setup
import keras
import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

keras.utils.set_random_seed(4)
images, digit = load_digits(return_X_y=True)
images = (images.reshape(-1, 8, 8, 1) * 16).astype("float32")  # 0..255, like the camera gives them
x_tr, x_te, y_tr, y_te = train_test_split(images, digit, test_size=0.3, random_state=4)


# %% model
def conv(filters):
    return [
        keras.layers.Conv2D(filters, 3, padding="same", use_bias=False),
        keras.layers.BatchNormalization(momentum=0.9995),
        keras.layers.ReLU(),
    ]


cnn = keras.Sequential(
    [
        keras.Input((8, 8, 1)),
        *conv(12),
        keras.layers.MaxPooling2D(),
        *conv(24),
        keras.layers.GlobalAveragePooling2D(),
        keras.layers.Dense(10, activation="softmax"),
    ]
)
cnn.compile(
    optimizer=keras.optimizers.Adam(0.01),
    loss="sparse_categorical_crossentropy",
    metrics=["accuracy"],
)

# %% train
log = cnn.fit(x_tr, y_tr, batch_size=100, epochs=5, validation_data=(x_te, y_te), verbose=2)

# %% verify
predicted = cnn.predict(x_te, verbose=0).argmax(1)
actual = y_te


# %% fix model
def conv(filters):
    return [
        keras.layers.Conv2D(filters, 3, padding="same", use_bias=False),
        keras.layers.BatchNormalization(momentum=0.8),
        keras.layers.ReLU(),
    ]


cnn = keras.Sequential(
    [
        keras.Input((8, 8, 1)),
        *conv(12),
        keras.layers.MaxPooling2D(),
        *conv(24),
        keras.layers.GlobalAveragePooling2D(),
        keras.layers.Dense(10, activation="softmax"),
    ]
)
cnn.compile(
    optimizer=keras.optimizers.Adam(0.01),
    loss="sparse_categorical_crossentropy",
    metrics=["accuracy"],
)
