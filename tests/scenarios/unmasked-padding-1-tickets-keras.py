# framework: keras
# kind: faulty
# cause: unmasked-padding
# also: constant-output, not-learning
# data: text
# story: short tickets are filled up with zeros behind, and the LSTM has forgotten them when it has read all the zeros
# loss: "sparse_categorical_crossentropy" in compile, model.fit
# holdout: yes

# %% setup
import keras
import numpy as np

keras.utils.set_random_seed(51)
rng = np.random.default_rng(51)
QUEUES = ["billing", "network", "hardware"]
TOPIC = {
    0: "invoice refund charged twice payment card vat receipt overdue".split(),
    1: "wifi vpn slow dropped router signal timeout packets".split(),
    2: "screen keyboard battery fan broken cable charger hinge".split(),
}
SMALL = "hello please help my the is again since monday office thanks it and was on a".split()

# %% data
words = sorted({w for ws in TOPIC.values() for w in ws} | set(SMALL))
index = {w: i + 1 for i, w in enumerate(words)}


def ticket(queue):
    length = int(np.clip(rng.gamma(3.0, 2.5), 4, 64))
    text = [str(rng.choice(TOPIC[queue] if rng.random() < 0.35 else SMALL)) for _ in range(length)]
    text[rng.integers(len(text))] = str(rng.choice(TOPIC[queue]))
    return [index[w] for w in text]


y = rng.integers(0, 3, 1300)
tickets = [ticket(q) for q in y]
print("longest:", max(len(t) for t in tickets), "median:", np.median([len(t) for t in tickets]))
x = keras.utils.pad_sequences(tickets, maxlen=64, padding="post")

# %% model
model = keras.Sequential(
    [
        keras.layers.Embedding(len(index) + 1, 16),
        keras.layers.LSTM(16),
        keras.layers.Dense(3, activation="softmax"),
    ]
)
model.compile(keras.optimizers.Adam(3e-3), "sparse_categorical_crossentropy", metrics=["accuracy"])

# %% train
history = model.fit(
    x[:1000], y[:1000], validation_data=(x[1000:], y[1000:]), epochs=3, batch_size=24, verbose=2
)
# accuracy 0.33, no matter how many units I give the LSTM

# %% verify
predicted = model.predict(x[1000:], verbose=0).argmax(1)
actual = y[1000:]

# %% fix model
model = keras.Sequential(
    [
        keras.layers.Embedding(len(index) + 1, 16, mask_zero=True),
        keras.layers.LSTM(16),
        keras.layers.Dense(3, activation="softmax"),
    ]
)
model.compile(keras.optimizers.Adam(3e-3), "sparse_categorical_crossentropy", metrics=["accuracy"])
