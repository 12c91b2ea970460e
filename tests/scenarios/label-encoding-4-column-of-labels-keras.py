# framework: keras
# kind: faulty
# cause: label-encoding
# also: labels-out-of-range, label-shape-broadcast, not-learning
# data: sequence
# story: a column of class numbers goes where one-hot rows are wanted, and is spread over all outputs
# loss: tf.nn.softmax_cross_entropy_with_logits in a gradient tape
# holdout: yes

# %% setup
import keras
import numpy as np
import tensorflow as tf

keras.utils.set_random_seed(116)
rng = np.random.default_rng(116)


def engines(n):
    """sound of an engine at one of four speeds"""
    speed = rng.integers(0, 4, (n, 1))
    t = np.arange(40)
    sound = np.sin((0.35 + 0.25 * speed) * t + rng.uniform(0, 6, (n, 1)))
    return (sound + rng.normal(0, 0.4, (n, 40)))[..., None].astype("float32"), speed


x_train, speed_train = engines(1500)
x_test, speed_test = engines(400)

# %% labels
labels = speed_train.astype("float32")
print(x_train.shape, labels.shape)
ds = tf.data.Dataset.from_tensor_slices((x_train, labels)).shuffle(1500, seed=5).batch(30)

# %% model
inputs = keras.Input((40, 1))
h = keras.layers.Conv1D(12, 9, activation="relu")(inputs)
h = keras.layers.GlobalAveragePooling1D()(h)
model = keras.Model(inputs, keras.layers.Dense(4)(h))
adam = keras.optimizers.Adam(1e-2)


@tf.function
def update(x, y):
    with tf.GradientTape() as tape:
        logits = model(x, training=True)
        loss = tf.reduce_mean(tf.nn.softmax_cross_entropy_with_logits(y, logits))
    adam.apply(tape.gradient(loss, model.trainable_variables), model.trainable_variables)
    return loss


# %% train
for epoch in range(6):
    for x, y in ds:
        loss = update(x, y)
    print("epoch", epoch, float(loss))

# %% verify
predicted = model.predict(x_test, verbose=0).argmax(1)
actual = speed_test[:, 0]

# %% fix labels
labels = keras.utils.to_categorical(speed_train[:, 0], 4)
ds = tf.data.Dataset.from_tensor_slices((x_train, labels)).shuffle(1500, seed=5).batch(30)
