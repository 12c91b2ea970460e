# framework: keras
# kind: faulty
# cause: learning-rate-too-high
# also: dead-relu, exploding-gradients
# data: image
# story: Adam(1.0): after some steps nothing but the biases is left of the network
# loss: "sparse_categorical_crossentropy" as a string, model.fit
# holdout: yes

# %% setup
import keras
from keras import layers
from sklearn.datasets import load_digits

keras.utils.set_random_seed(70)
digits = load_digits()
x = digits.images[..., None].astype("float32") / 16
y = digits.target


def get_model(learning_rate):
    model = keras.Sequential(
        [
            keras.Input((8, 8, 1)),
            layers.Conv2D(8, 3, activation="relu"),
            layers.Conv2D(16, 3, activation="relu"),
            layers.Flatten(),
            layers.Dense(32, activation="relu"),
            layers.Dense(10, activation="softmax"),
        ]
    )
    model.compile(
        optimizer=keras.optimizers.Adam(learning_rate=learning_rate),
        loss="sparse_categorical_crossentropy",
        metrics=["accuracy"],
    )
    return model


# %% train
model = get_model(1.0)
model.fit(x[:1400], y[:1400], epochs=8, batch_size=50, verbose=2)

# %% verify
outputs = model.predict(x[1400:], verbose=0)
predicted = outputs.argmax(1)
actual = y[1400:]

# %% fix train
model = get_model(0.002)
model.fit(x[:1400], y[:1400], epochs=8, batch_size=50, verbose=2)
