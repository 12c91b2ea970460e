# framework: keras
# kind: faulty
# cause: no-optimizer-step
# data: tabular
# story: a gradient tape whose gradients are computed and clipped, and never applied
# loss: keras.losses.BinaryCrossentropy() in a tf.function
# holdout: yes

# %% setup
import keras
import numpy as np
import tensorflow as tf
from sklearn.datasets import load_breast_cancer
from sklearn.preprocessing import scale

keras.utils.set_random_seed(55)
X, y = load_breast_cancer(return_X_y=True)
X = scale(X).astype("float32")
y = y.astype("float32")[:, None]
perm = np.random.default_rng(55).permutation(len(X))
X, y = X[perm], y[perm]
ds = tf.data.Dataset.from_tensor_slices((X[:420], y[:420])).batch(30)

model = keras.Sequential(
    [keras.Input((30,)), keras.layers.Dense(16, "relu"), keras.layers.Dense(1, "sigmoid")]
)
bce = keras.losses.BinaryCrossentropy()
adam = keras.optimizers.Adam(3e-3)


@tf.function
def train_step(xb, yb):
    with tf.GradientTape() as tape:
        prob = model(xb, training=True)
        loss = bce(yb, prob)
    grads = tape.gradient(loss, model.trainable_variables)
    grads, norm = tf.clip_by_global_norm(grads, 1.0)
    return loss, norm


# %% train
for epoch in range(12):
    for xb, yb in ds:
        loss, norm = train_step(xb, yb)
    print("epoch", epoch, "loss", float(loss), "grad norm", float(norm))

# %% verify
outputs = model(X[420:]).numpy()[:, 0]
predicted = (outputs > 0.5).astype(int)
actual = y[420:, 0].astype(int)

# %% fix setup
import keras
import numpy as np
import tensorflow as tf
from sklearn.datasets import load_breast_cancer
from sklearn.preprocessing import scale

keras.utils.set_random_seed(55)
X, y = load_breast_cancer(return_X_y=True)
X = scale(X).astype("float32")
y = y.astype("float32")[:, None]
perm = np.random.default_rng(55).permutation(len(X))
X, y = X[perm], y[perm]
ds = tf.data.Dataset.from_tensor_slices((X[:420], y[:420])).batch(30)

model = keras.Sequential(
    [keras.Input((30,)), keras.layers.Dense(16, "relu"), keras.layers.Dense(1, "sigmoid")]
)
bce = keras.losses.BinaryCrossentropy()
adam = keras.optimizers.Adam(3e-3)


@tf.function
def train_step(xb, yb):
    with tf.GradientTape() as tape:
        prob = model(xb, training=True)
        loss = bce(yb, prob)
    grads = tape.gradient(loss, model.trainable_variables)
    grads, norm = tf.clip_by_global_norm(grads, 1.0)
    adam.apply_gradients(zip(grads, model.trainable_variables))
    return loss, norm
