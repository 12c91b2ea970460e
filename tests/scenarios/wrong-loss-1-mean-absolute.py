# framework: keras
# kind: faulty
# cause: wrong-loss
# also: class-imbalance
# data: tabular
# story: the mean absolute error of a probability is smallest at 0 for everybody
# loss: "mae" as a string, model.fit
# holdout: yes

# %% setup
import keras
import numpy as np
from keras import layers

keras.utils.set_random_seed(5)
rng = np.random.default_rng(5)
N = 2400
visits = rng.normal(0, 1, (N, 6)).astype("float32")
bought = (visits[:, 0] * visits[:, 3] > 0.75).astype("float32")
LOSS = "mae"

model = keras.Sequential(
    [keras.Input((6,)), layers.Dense(16, activation="relu"), layers.Dense(1, activation="sigmoid")]
)
model.compile(keras.optimizers.Adam(5e-3), loss=LOSS, metrics=["accuracy"])

# %% train
model.fit(visits[:2000], bought[:2000], batch_size=20, epochs=8, verbose=2)

# %% verify
outputs = model.predict(visits[2000:], verbose=0)[:, 0]
predicted = (outputs > 0.5).astype(int)
actual = bought[2000:].astype(int)

# %% fix setup
import keras
import numpy as np
from keras import layers

keras.utils.set_random_seed(5)
rng = np.random.default_rng(5)
N = 2400
visits = rng.normal(0, 1, (N, 6)).astype("float32")
bought = (visits[:, 0] * visits[:, 3] > 0.75).astype("float32")
LOSS = "binary_crossentropy"

model = keras.Sequential(
    [keras.Input((6,)), layers.Dense(16, activation="relu"), layers.Dense(1, activation="sigmoid")]
)
model.compile(keras.optimizers.Adam(5e-3), loss=LOSS, metrics=["accuracy"])
