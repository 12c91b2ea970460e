# framework: keras
# kind: faulty
# cause: optimizer-mismatch
# data: tabular
# story: the gradients of one model are applied to the variables of another, from the cell before
# loss: keras.losses.SparseCategoricalCrossentropy(from_logits=True) in a gradient tape
# holdout: yes

# %% setup
import keras
import numpy as np
import tensorflow as tf
from sklearn.datasets import load_wine
from sklearn.preprocessing import scale

keras.utils.set_random_seed(104)
wine = load_wine()
shuffled = np.random.default_rng(104).permutation(len(wine.target))
x = scale(wine.data)[shuffled].astype("float32")
y = wine.target[shuffled]
ds = tf.data.Dataset.from_tensor_slices((x[:120], y[:120])).shuffle(120, seed=1).batch(12)


def build(units):
    return keras.Sequential(
        [
            keras.Input((13,)),
            keras.layers.Dense(units, activation="relu"),
            keras.layers.Dense(3),
        ]
    )


# %% model
model = build(24)
optimizer = keras.optimizers.Adam(2e-3)
weights = model.trainable_variables
model.summary()

# %% model, second try
model = build(24)

# %% step
loss_fn = keras.losses.SparseCategoricalCrossentropy(from_logits=True)


@tf.function
def step(xb, yb):
    with tf.GradientTape() as tape:
        loss = loss_fn(yb, model(xb, training=True))
    optimizer.apply_gradients(zip(tape.gradient(loss, model.trainable_variables), weights))
    return loss


# %% train
for epoch in range(15):
    for xb, yb in ds:
        loss = step(xb, yb)
    print(f"epoch {epoch}: {float(loss):.4f}")

# %% verify
outputs = model.predict(x[120:], verbose=0)
predicted = outputs.argmax(1)
actual = y[120:]

# %% fix model, second try
model = build(24)
weights = model.trainable_variables
