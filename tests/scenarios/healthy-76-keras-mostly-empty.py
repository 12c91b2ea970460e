# framework: keras
# kind: healthy
# data: text
# story: nine tenths of each row are padding, which the embedding masks, and one kind of message is much more frequent
# loss: keras.losses.SparseCategoricalCrossentropy() in compile, model.fit
# holdout: yes

# %% setup
import keras
import numpy as np
from keras import layers

keras.utils.set_random_seed(176)
rng = np.random.default_rng(176)
MAXLEN = 40
PLAIN = "ok yes see you then at home will call later thanks bye now soon the and".split()
MARK = {
    1: "package parcel courier doorstep tracking".split(),
    2: "appointment dentist clinic reschedule doctor".split(),
}
vocab = {w: i + 1 for i, w in enumerate(PLAIN + MARK[1] + MARK[2])}


def message():
    kind = rng.choice(3, p=[0.7, 0.18, 0.12])
    words = list(rng.choice(PLAIN, rng.integers(2, 7)))
    if kind:
        words.insert(rng.integers(len(words)), str(rng.choice(MARK[kind])))
    return [vocab[w] for w in words], kind


pairs = [message() for _ in range(1500)]
x = keras.utils.pad_sequences([p[0] for p in pairs], maxlen=MAXLEN, padding="post")
y = np.array([p[1] for p in pairs])
print("empty:", (x == 0).mean())

# %% train
model = keras.Sequential(
    [
        keras.Input((MAXLEN,), dtype="int32"),
        layers.Embedding(len(vocab) + 1, 12, mask_zero=True),
        layers.GRU(12),
        layers.Dense(3, activation="softmax"),
    ]
)
model.compile(
    keras.optimizers.Adam(8e-3), keras.losses.SparseCategoricalCrossentropy(), metrics=["accuracy"]
)
model.fit(x[:1200], y[:1200], epochs=3, batch_size=24, validation_split=0.1, verbose=2)

# %% verify
outputs = model.predict(x[1200:], verbose=0)
predicted = outputs.argmax(1)
actual = y[1200:]
