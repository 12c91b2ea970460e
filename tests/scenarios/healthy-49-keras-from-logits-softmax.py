# framework: keras
# kind: healthy
# data: image
# story: from_logits=True over a softmax layer: Keras says so and trains on the cached logits
# loss: keras.losses.SparseCategoricalCrossentropy(from_logits=True) over a softmax, in fit
# holdout: yes

# %% imports
import keras
import numpy as np
from keras import layers
from sklearn.datasets import load_digits

# %% data
keras.utils.set_random_seed(12)
digits = load_digits()
x = (digits.images / 16.0)[..., None].astype("float32")
y = digits.target
order = np.random.RandomState(12).permutation(len(x))
x, y = x[order], y[order]
x_train, y_train, x_test, y_test = x[:1300], y[:1300], x[1300:], y[1300:]

# %% train
model = keras.Sequential(
    [
        layers.Input((8, 8, 1)),
        layers.Conv2D(12, 3, activation="relu"),
        layers.MaxPooling2D(),
        layers.Flatten(),
        layers.Dense(32, activation="relu"),
        layers.Dense(10, activation="softmax"),
    ]
)
model.compile(
    optimizer="adam",
    loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    metrics=["accuracy"],
)
history = model.fit(
    x_train, y_train, batch_size=32, epochs=8, validation_data=(x_test, y_test), verbose=2
)

# %% verify
outputs = model.predict(x_test, verbose=0)
predicted = outputs.argmax(axis=1)
actual = y_test
