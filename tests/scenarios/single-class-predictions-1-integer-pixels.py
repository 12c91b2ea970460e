# framework: keras
# kind: faulty
# cause: single-class-predictions
# also: constant-output, not-learning
# data: image
# story: the pixels are whole numbers and are divided by 255 as such, so that every picture is black
# loss: keras.losses.SparseCategoricalCrossentropy() in compile, model.fit
# holdout: yes

# %% setup
import keras
import numpy as np
from keras import layers

keras.utils.set_random_seed(14)
rng = np.random.default_rng(14)
KINDS = ["stripes", "columns", "blob"]


def picture(kind):
    canvas = rng.integers(0, 60, (12, 12))
    if kind == "stripes":
        canvas[rng.integers(0, 3) :: 3] += 150
    elif kind == "columns":
        canvas[:, rng.integers(0, 3) :: 3] += 150
    else:
        r, c = rng.integers(2, 7, 2)
        canvas[r : r + 4, c : c + 4] += 170
    return canvas.astype("uint8")


kinds = rng.choice(3, size=1500, p=[0.5, 0.3, 0.2])
pictures = np.stack([picture(KINDS[k]) for k in kinds])


def prepare(batch):
    return (batch // 255)[..., None].astype("float32")


# %% model
model = keras.Sequential(
    [
        keras.Input((12, 12, 1)),
        layers.Conv2D(8, 3, activation="relu"),
        layers.MaxPooling2D(),
        layers.Flatten(),
        layers.Dense(24, activation="relu"),
        layers.Dense(3, activation="softmax"),
    ]
)
model.compile(
    optimizer=keras.optimizers.Adam(2e-3),
    loss=keras.losses.SparseCategoricalCrossentropy(),
    metrics=["accuracy"],
)

# %% train
history = model.fit(
    prepare(pictures[:1200]), kinds[:1200], batch_size=20, epochs=7, verbose=2, shuffle=True
)

# %% verify
outputs = model.predict(prepare(pictures[1200:]), verbose=0)
predicted = outputs.argmax(axis=1)
actual = kinds[1200:]

# %% fix setup
import keras
import numpy as np
from keras import layers

keras.utils.set_random_seed(14)
rng = np.random.default_rng(14)
KINDS = ["stripes", "columns", "blob"]


def picture(kind):
    canvas = rng.integers(0, 60, (12, 12))
    if kind == "stripes":
        canvas[rng.integers(0, 3) :: 3] += 150
    elif kind == "columns":
        canvas[:, rng.integers(0, 3) :: 3] += 150
    else:
        r, c = rng.integers(2, 7, 2)
        canvas[r : r + 4, c : c + 4] += 170
    return canvas.astype("uint8")


kinds = rng.choice(3, size=1500, p=[0.5, 0.3, 0.2])
pictures = np.stack([picture(KINDS[k]) for k in kinds])


def prepare(batch):
    return (batch / 255)[..., None].astype("float32")
