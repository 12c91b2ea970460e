# framework: keras
# kind: healthy
# data: image
# story: pixels 0..255 into a network that rescales them itself, as EfficientNet does
# loss: "sparse_categorical_crossentropy" as a string, fit on a tf.data set
# holdout: no

# %% setup
import keras
import numpy as np
import tensorflow as tf
from sklearn.datasets import load_digits

keras.utils.set_random_seed(1)
d = load_digits()
pixels = (d.images * (255 / 16)).astype("uint8")[..., np.newaxis]
labels = d.target.astype("int64")
AUTO = tf.data.AUTOTUNE
train_ds = (
    tf.data.Dataset.from_tensor_slices((pixels[:1400], labels[:1400]))
    .shuffle(1400, seed=1)
    .batch(32)
)
test_ds = tf.data.Dataset.from_tensor_slices((pixels[1400:], labels[1400:])).batch(64)


def build(n_classes=10):
    inp = keras.Input((8, 8, 1))
    x = keras.layers.Rescaling(1.0 / 255)(inp)
    x = keras.layers.Conv2D(16, 3, padding="same", use_bias=False)(x)
    x = keras.layers.BatchNormalization()(x)
    x = keras.layers.Activation("relu")(x)
    x = keras.layers.MaxPooling2D()(x)
    x = keras.layers.Flatten()(x)
    x = keras.layers.Dropout(0.3)(x)
    return keras.Model(inp, keras.layers.Dense(n_classes, activation="softmax")(x))


# %% train
net = build()
net.compile(
    optimizer=keras.optimizers.Adam(3e-3),
    loss="sparse_categorical_crossentropy",
    metrics=["accuracy"],
)
net.fit(train_ds, validation_data=test_ds, epochs=8, verbose=2)

# %% verify
outputs = net.predict(test_ds, verbose=0)
predicted = outputs.argmax(-1)
actual = labels[1400:]
