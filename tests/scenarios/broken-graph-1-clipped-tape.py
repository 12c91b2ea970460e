# framework: keras
# kind: faulty
# cause: broken-graph
# data: tabular
# story: the outputs leave the tape through numpy before the loss, and no gradient comes back
# loss: keras.losses.sparse_categorical_crossentropy in a gradient tape
# raises: ValueError
# holdout: yes

# %% setup
import keras
import numpy as np
import tensorflow as tf
from sklearn.datasets import load_iris
from sklearn.preprocessing import scale

keras.utils.set_random_seed(8)
X, y = load_iris(return_X_y=True)
order = np.random.default_rng(8).permutation(150)
X, y = scale(X)[order].astype("float32"), y[order]

net = keras.Sequential(
    [keras.Input((4,)), keras.layers.Dense(16, "relu"), keras.layers.Dense(3, "softmax")]
)
opt = keras.optimizers.Adam(1e-2)


def clean(p):
    # no exact zeros or ones, the log dislikes them
    return np.clip(p, 1e-6, 1 - 1e-6)


# %% train
for epoch in range(25):
    for i in range(0, 110, 11):
        with tf.GradientTape() as tape:
            prob = clean(net(X[i : i + 11]))
            losses = keras.losses.sparse_categorical_crossentropy(y[i : i + 11], prob)
            loss = tf.reduce_mean(losses)
        grads = tape.gradient(loss, net.trainable_variables)
        opt.apply_gradients(zip(grads, net.trainable_variables))
    if epoch % 5 == 0:
        print(epoch, float(loss))

# %% verify
outputs = net(X[110:]).numpy()
predicted = outputs.argmax(1)
actual = y[110:]

# %% fix setup
import keras
import numpy as np
import tensorflow as tf
from sklearn.datasets import load_iris
from sklearn.preprocessing import scale

keras.utils.set_random_seed(8)
X, y = load_iris(return_X_y=True)
order = np.random.default_rng(8).permutation(150)
X, y = scale(X)[order].astype("float32"), y[order]

net = keras.Sequential(
    [keras.Input((4,)), keras.layers.Dense(16, "relu"), keras.layers.Dense(3, "softmax")]
)
opt = keras.optimizers.Adam(1e-2)


def clean(p):
    # no exact zeros or ones, the log dislikes them
    return tf.clip_by_value(p, 1e-6, 1 - 1e-6)
