# framework: keras
# kind: healthy
# data: tabular
# story: a learning-rate warm-up and a zero-initialised last layer, with Keras on JAX
# loss: keras.losses.CategoricalCrossentropy(from_logits=True, label_smoothing=0.1), in fit
# backend: jax
# holdout: no

# %% setup
import keras
import numpy as np
from sklearn.datasets import load_wine
from sklearn.model_selection import train_test_split

keras.utils.set_random_seed(37)
x, y = load_wine(return_X_y=True)
x_train, x_test, y_train, y_test = train_test_split(
    x, y, test_size=0.3, stratify=y, random_state=37
)
mean, std = x_train.mean(0), x_train.std(0)
x_train, x_test = (x_train - mean) / std, (x_test - mean) / std

inputs = keras.Input((13,))
h = keras.layers.Dense(24, activation="gelu")(inputs)
h = keras.layers.Add()([h, keras.layers.Dense(24, activation="gelu")(h)])
logits = keras.layers.Dense(3, kernel_initializer="zeros")(h)
model = keras.Model(inputs, logits)
schedule = keras.optimizers.schedules.CosineDecay(
    0.0, decay_steps=200, warmup_target=5e-3, warmup_steps=40
)
model.compile(
    optimizer=keras.optimizers.AdamW(schedule),
    loss=keras.losses.CategoricalCrossentropy(from_logits=True, label_smoothing=0.1),
    metrics=["accuracy"],
)

# %% train
onehot = keras.utils.to_categorical(y_train, 3)
model.fit(x_train, onehot, batch_size=8, epochs=20, verbose=2)

# %% verify
outputs = model.predict(x_test, verbose=0)
predicted = outputs.argmax(1)
actual = y_test
