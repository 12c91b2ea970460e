# framework: keras
# kind: faulty
# cause: one-class-labels
# data: text
# story: the labels are compared with a word that has another spelling in the data
# loss: "binary_crossentropy" in compile, model.fit
# holdout: no

# %% setup
import keras
import numpy as np
from keras import layers

keras.utils.set_random_seed(23)
rng = np.random.default_rng(23)
good = "lovely great superb warm clever fine".split()
bad = "dull awful weak cold stupid poor".split()
filler = "the a film plot actor scene was very and of".split()


def review(words):
    text = list(rng.choice(filler, 9)) + list(rng.choice(words, 3))
    rng.shuffle(text)
    return " ".join(text)


rows = [(review(good), "Positive") for _ in range(500)]
rows += [(review(bad), "Negative") for _ in range(500)]
rng.shuffle(rows)
texts = [r[0] for r in rows]
sentiment = np.array([r[1] for r in rows])

vocabulary = {w: i + 1 for i, w in enumerate(sorted({w for t in texts for w in t.split()}))}
tokens = np.array([[vocabulary[w] for w in t.split()] for t in texts])

# %% labels
labels = (sentiment == "positive").astype("float32")
x_train, x_test = tokens[:800], tokens[800:]
y_train = labels[:800]

# %% model
model = keras.Sequential(
    [
        layers.Embedding(len(vocabulary) + 1, 16),
        layers.GlobalAveragePooling1D(),
        layers.Dense(16, activation="relu"),
        layers.Dense(1, activation="sigmoid"),
    ]
)
model.compile(optimizer=keras.optimizers.Adam(0.01), loss="binary_crossentropy")

# %% train
# loss goes to zero almost at once, suspiciously good?
model.fit(x_train, y_train, epochs=8, batch_size=32, verbose=2)

# %% verify
outputs = model.predict(x_test, verbose=0)[:, 0]
predicted = (outputs > 0.5).astype(int)
actual = (sentiment[800:] == "Positive").astype(int)

# %% fix labels
labels = (sentiment == "Positive").astype("float32")
x_train, x_test = tokens[:800], tokens[800:]
y_train = labels[:800]
