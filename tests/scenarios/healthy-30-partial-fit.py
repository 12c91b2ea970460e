# framework: sklearn
# kind: healthy
# data: text
# story: a stream of short texts, learned chunk by chunk with partial_fit
# loss: SGDClassifier(loss="log_loss").partial_fit(classes=...)
# holdout: no

# %% setup
import random

import numpy as np
from sklearn.feature_extraction.text import HashingVectorizer
from sklearn.linear_model import SGDClassifier

random.seed(3)
good = "great love excellent perfect works fast happy recommend solid beautiful".split()
bad = "broken refund terrible slow waste awful returned noisy cheap disappointed".split()
filler = "the it my this product phone battery screen was is and after two weeks i bought".split()


def review():
    label = int(random.random() < 0.6)
    mood = good if label else bad
    toks = random.choices(filler, k=random.randint(6, 15)) + random.choices(mood, k=2)
    if random.random() < 0.15:
        toks += random.choices(bad if label else good, k=1)
    random.shuffle(toks)
    return " ".join(toks), label


def stream(n_chunks, size):
    for _ in range(n_chunks):
        texts, labels = zip(*(review() for _ in range(size)))
        yield list(texts), np.array(labels)


# %% train
vec = HashingVectorizer(n_features=2**12, alternate_sign=False)
clf = SGDClassifier(loss="log_loss", alpha=1e-4, random_state=3)
for i, (texts, labels) in enumerate(stream(120, 32)):
    batch = vec.transform(texts)
    if i and i % 20 == 0:
        print("chunk", i, "accuracy before learning it:", clf.score(batch, labels))
    clf.partial_fit(batch, labels, classes=[0, 1])

# %% verify
texts, actual = next(stream(1, 800))
outputs = clf.predict_proba(vec.transform(texts))
predicted = outputs.argmax(1)
