# framework: keras
# kind: faulty
# cause: missing-activation
# also: not-learning
# data: image
# story: the last layer gives plain scores and the categorical loss is not told so
# loss: keras.losses.CategoricalCrossentropy() called in a gradient tape
# holdout: yes

# %% setup
import keras
import numpy as np
import tensorflow as tf
from sklearn.datasets import load_digits

keras.utils.set_random_seed(114)
digits = load_digits()
order = np.random.default_rng(114).permutation(len(digits.target))
images = (digits.images[order, ..., None] / 16).astype("float32")
onehot = keras.utils.to_categorical(digits.target[order])
train = tf.data.Dataset.from_tensor_slices((images[:1400], onehot[:1400]))
train = train.shuffle(1400, seed=114).batch(35)

# %% model
model = keras.Sequential(
    [
        keras.Input((8, 8, 1)),
        keras.layers.Conv2D(10, 3, activation="relu"),
        keras.layers.MaxPooling2D(),
        keras.layers.Flatten(),
        keras.layers.Dense(10),
    ]
)
loss_fn = keras.losses.CategoricalCrossentropy()
optimizer = keras.optimizers.Adam(3e-3)


@tf.function
def learn(x, y):
    with tf.GradientTape() as tape:
        loss = loss_fn(y, model(x, training=True))
    grads = tape.gradient(loss, model.trainable_weights)
    optimizer.apply_gradients(zip(grads, model.trainable_weights))
    return loss


# %% train
for epoch in range(7):
    mean = np.mean([learn(x, y) for x, y in train])
    print(f"epoch {epoch}  loss {mean:.3f}")

# %% verify
outputs = model.predict(images[1400:], verbose=0)
predicted = outputs.argmax(1)
actual = digits.target[order][1400:]

# %% fix model
model = keras.Sequential(
    [
        keras.Input((8, 8, 1)),
        keras.layers.Conv2D(10, 3, activation="relu"),
        keras.layers.MaxPooling2D(),
        keras.layers.Flatten(),
        keras.layers.Dense(10),
    ]
)
loss_fn = keras.losses.CategoricalCrossentropy(from_logits=True)
optimizer = keras.optimizers.Adam(3e-3)


@tf.function
def learn(x, y):
    with tf.GradientTape() as tape:
        loss = loss_fn(y, model(x, training=True))
    grads = tape.gradient(loss, model.trainable_weights)
    optimizer.apply_gradients(zip(grads, model.trainable_weights))
    return loss
