# framework: keras
# kind: faulty
# cause: label-shape-broadcast
# also: wrong-loss
# data: sequence
# story: the outputs are a column and the labels a row, and their difference is a square
# loss: mean squared difference by hand in a gradient tape
# holdout: yes

# %% setup
import keras
import numpy as np
import tensorflow as tf

keras.utils.set_random_seed(81)
rng = np.random.default_rng(81)


def machine(n):
    """Vibration over 32 ticks; a worn bearing rings at the fourth harmonic."""
    worn = rng.random(n) < 0.4
    t = np.arange(32) / 32 * 2 * np.pi
    phase = rng.uniform(0, 2 * np.pi, (n, 2, 1))
    signal = np.sin(t + phase[:, 0]) + worn[:, None] * 0.6 * np.sin(4 * t + phase[:, 1])
    return (signal + rng.normal(0, 0.2, (n, 32))).astype("float32"), worn.astype("float32")


x_train, y_train = machine(1500)
x_test, y_test = machine(500)
batches = tf.data.Dataset.from_tensor_slices((x_train[..., None], y_train)).shuffle(1500, seed=3)
batches = batches.batch(30)

# %% model
model = keras.Sequential(
    [
        keras.Input((32, 1)),
        keras.layers.Conv1D(12, 9, activation="relu"),
        keras.layers.GlobalMaxPooling1D(),
        keras.layers.Dense(16, activation="relu"),
        keras.layers.Dense(1, activation="sigmoid"),
    ]
)
opt = keras.optimizers.Adam(5e-3)


# %% step
@tf.function
def train_step(signal, worn):
    with tf.GradientTape() as tape:
        p = model(signal, training=True)
        loss = tf.reduce_mean((worn - p) ** 2)
    opt.apply(tape.gradient(loss, model.trainable_variables), model.trainable_variables)
    return loss


# %% train
for epoch in range(8):
    losses = [train_step(signal, worn).numpy() for signal, worn in batches]
    print(f"epoch {epoch}, mse {np.mean(losses):.4f}")  # 0.24 forever

# %% verify
outputs = model.predict(x_test[..., None], verbose=0)[:, 0]
predicted = (outputs > 0.5).astype(int)
actual = y_test.astype(int)


# %% fix step
@tf.function
def train_step(signal, worn):
    with tf.GradientTape() as tape:
        p = model(signal, training=True)
        loss = tf.reduce_mean((worn[:, None] - p) ** 2)
    opt.apply(tape.gradient(loss, model.trainable_variables), model.trainable_variables)
    return loss
