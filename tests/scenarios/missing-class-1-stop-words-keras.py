# framework: keras
# kind: faulty
# cause: missing-class
# also: class-imbalance, noisy-labels
# data: text
# story: "not" is on the list of stop words, so that "good" and "not good" are the same, and the rarer of the two is never said
# loss: "sparse_categorical_crossentropy" in fit
# holdout: yes

# %% imports
import keras
import numpy as np
from keras import layers

keras.utils.set_random_seed(86)
rng = np.random.default_rng(86)

# %% hotel comments
THINGS = "room bed breakfast staff pool view lobby shower garden bar".split()
STOP = set("the a was is it we and in not very our at".split())
ANSWERS = ["praise", "complaint", "question"]


def comment(kind):
    thing = str(rng.choice(THINGS))
    praise = str(rng.choice(["good", "clean", "lovely", "quiet", "friendly"]))
    if kind == "praise":
        text = f"the {thing} was very {praise}"
    elif kind == "complaint":
        text = f"the {thing} was not {praise}"
    else:
        text = f"is the {thing} {rng.choice(['open', 'free', 'included', 'booked'])} at our arrival"
    return text + f" and it is our {rng.choice(THINGS)}"


labels = rng.choice(3, 3600, p=[0.45, 0.2, 0.35])
texts = [comment(ANSWERS[k]) for k in labels]


# %% bag of words
def tokens(text):
    return [w for w in text.split() if w not in STOP]


vocabulary = {w: i for i, w in enumerate(sorted({w for t in texts for w in tokens(t)}))}
bags = np.zeros((len(texts), len(vocabulary)), dtype="float32")
for row, text in zip(bags, texts):
    for w in tokens(text):
        row[vocabulary[w]] += 1

# %% train
model = keras.Sequential(
    [
        keras.Input((len(vocabulary),)),
        layers.Dense(16, activation="relu"),
        layers.Dense(3, activation="softmax"),
    ]
)
model.compile(keras.optimizers.Adam(5e-3), "sparse_categorical_crossentropy", metrics=["accuracy"])
model.fit(bags[:3000], labels[:3000], batch_size=30, epochs=7, verbose=2)
print(np.bincount(model.predict(bags[3000:], verbose=0).argmax(1), minlength=3), ANSWERS)

# %% verify
about = labels[3000:] < 2  # those that say something about the hotel
predicted = model.predict(bags[3000:][about], verbose=0).argmax(1)
actual = labels[3000:][about]


# %% fix bag of words
def tokens(text):
    return [w for w in text.split() if w not in STOP - {"not"}]


vocabulary = {w: i for i, w in enumerate(sorted({w for t in texts for w in tokens(t)}))}
bags = np.zeros((len(texts), len(vocabulary)), dtype="float32")
for row, text in zip(bags, texts):
    for w in tokens(text):
        row[vocabulary[w]] += 1
