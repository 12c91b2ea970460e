# framework: keras
# kind: faulty
# cause: double-activation
# data: image
# story: the model ends in a softmax, and the training step takes the cross entropy of logits from TensorFlow
# loss: tf.nn.sparse_softmax_cross_entropy_with_logits in a tf.function with a gradient tape
# holdout: yes

# %% setup
import keras
import numpy as np
import tensorflow as tf

keras.utils.set_random_seed(76)
rng = np.random.default_rng(76)
CLASSES = 40
prototypes = (rng.random((CLASSES, 7, 7)) < 0.4).astype("float32")


def letters(n):
    k = rng.integers(0, CLASSES, n)
    noise = rng.normal(0, 0.35, (n, 7, 7))
    return (prototypes[k] + noise).astype("float32")[..., None], k


x_train, y_train = letters(2400)
x_test, y_test = letters(600)
data = tf.data.Dataset.from_tensor_slices((x_train, y_train)).shuffle(2400, seed=76).batch(48)

# %% model
net = keras.Sequential(
    [
        keras.Input((7, 7, 1)),
        keras.layers.Conv2D(8, 3, activation="relu"),
        keras.layers.Flatten(),
        keras.layers.Dense(CLASSES, activation="softmax"),
    ]
)
optimizer = keras.optimizers.SGD(0.15)


@tf.function
def step(x, y):
    with tf.GradientTape() as tape:
        out = net(x, training=True)
        loss = tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(labels=y, logits=out))
    gradients = tape.gradient(loss, net.trainable_variables)
    optimizer.apply_gradients(zip(gradients, net.trainable_variables))
    return loss


# %% train
for epoch in range(6):
    seen = [float(step(x, y)) for x, y in data]
    print(f"epoch {epoch}: loss {np.mean(seen):.4f} (ln 40 = 3.689)")

# %% verify
outputs = net.predict(x_test, verbose=0)
predicted = outputs.argmax(1)
actual = y_test

# %% fix model
net = keras.Sequential(
    [
        keras.Input((7, 7, 1)),
        keras.layers.Conv2D(8, 3, activation="relu"),
        keras.layers.Flatten(),
        keras.layers.Dense(CLASSES),
    ]
)
optimizer = keras.optimizers.SGD(0.15)


@tf.function
def step(x, y):
    with tf.GradientTape() as tape:
        out = net(x, training=True)
        loss = tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(labels=y, logits=out))
    gradients = tape.gradient(loss, net.trainable_variables)
    optimizer.apply_gradients(zip(gradients, net.trainable_variables))
    return loss
