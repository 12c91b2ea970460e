# framework: keras
# kind: healthy
# data: text
# story: word vectors from pairs of words, five made-up pairs for each real one: few ones, integer inputs
# loss: keras.losses.BinaryCrossentropy(from_logits=True) on dot products, in fit
# holdout: yes

# %% setup
import keras
import numpy as np
from keras import layers

keras.utils.set_random_seed(70)
rng = np.random.default_rng(70)
GROUPS, EACH = 6, 15
V = GROUPS * EACH
centre = rng.integers(0, V, 3000)
near = centre // EACH * EACH + rng.integers(0, EACH, 3000)  # of the same group
noise = rng.integers(0, V, (3000, 5))
target = np.repeat(centre, 6)
context = np.concatenate([near[:, None], noise], axis=1).ravel()
label = np.tile([1, 0, 0, 0, 0, 0], 3000).astype("float32")

a, b = keras.Input((), dtype="int32"), keras.Input((), dtype="int32")
emb = layers.Embedding(V, 12, name="words")
ctx = layers.Embedding(V, 12, name="contexts")
logit = layers.Dense(1)(layers.Dot(axes=-1)([emb(a), ctx(b)]))
skipgram = keras.Model([a, b], logit)
skipgram.compile(
    keras.optimizers.Adam(0.02), loss=keras.losses.BinaryCrossentropy(from_logits=True)
)

# %% train
skipgram.fit([target, context], label, batch_size=200, epochs=5, verbose=2)

# %% verify
from sklearn.neighbors import KNeighborsClassifier

outputs = emb.get_weights()[0]
outputs = outputs / np.linalg.norm(outputs, axis=1, keepdims=True)
actual = np.arange(V) // EACH
even = np.arange(V) % 2 == 0
predicted = KNeighborsClassifier(3).fit(outputs[even], actual[even]).predict(outputs[~even])
actual = actual[~even]
