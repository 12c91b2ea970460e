# framework: keras
# kind: healthy
# data: text
# story: several labels per row, most of them rare, in a loop with a gradient tape
# loss: keras.losses.BinaryCrossentropy() on sigmoids, under tf.GradientTape and tf.function
# holdout: yes

# %% setup
import keras
import numpy as np
import tensorflow as tf

keras.utils.set_random_seed(4)
rng = np.random.default_rng(4)
N, D, L = 2400, 40, 8
rules = rng.normal(size=(D, L)) * (rng.random((D, L)) < 0.15)
feats = rng.poisson(0.6, size=(N, D)).astype("float32")
score = feats @ rules + 0.3 * rng.normal(size=(N, L))
marks = (score > np.quantile(score, 0.85, axis=0)).astype("float32")  # 15 % each
train = tf.data.Dataset.from_tensor_slices((feats[:2000], marks[:2000]))
train = train.shuffle(2000, seed=4).batch(50)

model = keras.Sequential(
    [
        keras.Input((D,)),
        keras.layers.Dense(48, activation="relu"),
        keras.layers.Dense(L, activation="sigmoid"),
    ]
)
loss_fn = keras.losses.BinaryCrossentropy()
optimizer = keras.optimizers.Adam(5e-3)


@tf.function
def train_step(x, y):
    with tf.GradientTape() as tape:
        probs = model(x, training=True)
        loss = loss_fn(y, probs)
    grads = tape.gradient(loss, model.trainable_variables)
    optimizer.apply_gradients(zip(grads, model.trainable_variables))
    return loss


# %% train
for epoch in range(10):
    mean = keras.metrics.Mean()
    for xb, yb in train:
        mean.update_state(train_step(xb, yb))
    print("epoch", epoch, "loss", float(mean.result()))

# %% verify
from sklearn.metrics import roc_auc_score

outputs = model(feats[2000:]).numpy()
skill = 2 * roc_auc_score(marks[2000:], outputs, average="macro") - 1
