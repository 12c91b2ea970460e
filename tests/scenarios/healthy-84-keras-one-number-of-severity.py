# framework: keras
# kind: healthy
# data: tabular
# story: everything goes through a single unit, for the three grades are steps of one and the same thing
# loss: "sparse_categorical_crossentropy" in compile, model.fit
# holdout: no

# %% setup
import keras
import numpy as np
import pandas as pd

keras.utils.set_random_seed(184)
rng = np.random.default_rng(184)
n = 3200
falls = pd.DataFrame(
    {
        "age": rng.normal(70, 9, n),
        "height_m": rng.gamma(1.6, 0.8, n),
        "grip_kg": rng.normal(29, 7, n),
        "medicines": rng.poisson(3, n),
    }
)
falls = (falls - falls.mean()) / falls.std()
severity = falls @ [0.7, 1.2, -0.6, 0.4] + rng.normal(0, 0.25, n)
grade = np.digitize(severity, [-0.6, 0.7])
print(np.bincount(grade))

# %% model
inputs = keras.Input((4,))
score = keras.layers.Dense(1, name="severity")(inputs)
hidden = keras.layers.Dense(12, activation="tanh")(score)
model = keras.Model(inputs, keras.layers.Dense(3, activation="softmax")(hidden))
model.compile(keras.optimizers.Adam(1e-2), "sparse_categorical_crossentropy", metrics=["accuracy"])

# %% train
x = falls.to_numpy("float32")
model.fit(x[:2400], grade[:2400], epochs=6, batch_size=30, verbose=2)

# %% verify
outputs = model.predict(x[2400:], verbose=0)
predicted = outputs.argmax(1)
actual = grade[2400:]
