# framework: keras
# kind: faulty
# cause: exploding-gradients
# also: learning-rate-too-high, non-finite
# data: sequence
# story: a SimpleRNN with relu units, which were chosen against vanishing gradients, over fifty time steps
# loss: "sparse_categorical_crossentropy" in fit
# holdout: no

# %% setup
import keras
import numpy as np

keras.utils.set_random_seed(6)
rng = np.random.default_rng(6)
TIME, KINDS = 50, 4


def gestures(n):
    """Swipes of a watch: left, right, and both of them twice."""
    kind = rng.integers(0, KINDS, n)
    t = np.linspace(0, 1, TIME)
    sign = np.where(kind % 2 == 0, 1.0, -1.0)[:, None]
    rate = np.where(kind < 2, 1.0, 2.0)[:, None]
    shift = rng.uniform(-0.05, 0.05, (n, 1))
    swing = sign * np.sin(2 * np.pi * rate * (t[None] + shift))
    other = rng.normal(0, 1, (n, TIME))
    x = np.stack([swing + rng.normal(0, 0.5, (n, TIME)), other], axis=-1)
    return x.astype("float32"), kind


x_train, y_train = gestures(1400)
x_test, y_test = gestures(500)

# %% model
rnn = keras.Sequential(
    [
        keras.Input((TIME, 2)),
        keras.layers.SimpleRNN(
            56,
            activation="relu",
            recurrent_initializer=keras.initializers.Orthogonal(gain=1.15),
        ),
        keras.layers.Dense(KINDS, activation="softmax"),
    ]
)
rnn.compile(
    optimizer=keras.optimizers.SGD(0.03, momentum=0.9),
    loss="sparse_categorical_crossentropy",
    metrics=["accuracy"],
)

# %% train
rnn.fit(x_train, y_train, batch_size=28, epochs=8, verbose=2, validation_data=(x_test, y_test))

# %% verify
probabilities = rnn.predict(x_test, verbose=0)
predicted = probabilities.argmax(1)
actual = y_test

# %% fix model
rnn = keras.Sequential(
    [
        keras.Input((TIME, 2)),
        keras.layers.SimpleRNN(
            56,
            activation="relu",
            recurrent_initializer=keras.initializers.Orthogonal(gain=1.15),
        ),
        keras.layers.Dense(KINDS, activation="softmax"),
    ]
)
rnn.compile(
    optimizer=keras.optimizers.SGD(0.03, momentum=0.9, clipnorm=1.0),
    loss="sparse_categorical_crossentropy",
    metrics=["accuracy"],
)
