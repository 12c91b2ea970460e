# framework: keras
# kind: healthy
# data: text
# story: five annotators voted on every text; their shares are the targets, of integer tokens
# loss: "categorical_crossentropy" in fit, the rows of y are no one-hot rows
# holdout: yes

# %% setup
import keras
import numpy as np

keras.utils.set_random_seed(16)
rng = np.random.default_rng(16)
VOCAB, LEN, K, N = 500, 12, 3, 2400
mood = rng.normal(0, 1.2, size=(VOCAB, K))
mood[:300] = 0  # words that say nothing
tokens = rng.integers(1, VOCAB, size=(N, LEN))
lengths = rng.integers(5, LEN + 1, size=N)
tokens[np.arange(LEN) >= lengths[:, None]] = 0
logits = np.where((tokens > 0)[..., None], mood[tokens], 0).sum(1)
p = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
votes = np.stack([rng.multinomial(5, row) for row in p]) / 5.0
x_train, v_train, x_test, v_test = tokens[:2000], votes[:2000], tokens[2000:], votes[2000:]

# %% train
model = keras.Sequential(
    [
        keras.Input((LEN,)),
        keras.layers.Embedding(VOCAB, 16, mask_zero=True),
        keras.layers.GlobalAveragePooling1D(),
        keras.layers.Dense(K, activation="softmax"),
    ]
)
model.compile(keras.optimizers.Adam(0.02), loss="categorical_crossentropy")
model.fit(x_train, v_train, epochs=8, batch_size=50, verbose=2)

# %% verify
outputs = model.predict(x_test, verbose=0)
predicted = outputs.argmax(1)
actual = v_test.argmax(1)
