# framework: pytorch
# kind: faulty
# cause: constant-output
# also: single-class-predictions, not-learning
# data: text
# story: the vocabulary is lower case and the words are not, so that every review is the same row of unknown words
# loss: F.cross_entropy in training and in a validation function
# fast: yes
# holdout: no

# %% setup
import random

import torch
import torch.nn.functional as F
from torch import nn

random.seed(6)
torch.manual_seed(6)
PRAISE = "Lovely Great Superb Charming Brilliant Moving".split()
BLAME = "Dull Awful Tedious Clumsy Boring Empty".split()
OTHER = "The A Film Plot Actor Scene Music Ending Story Camera Was Is And Very With".split()


def review(good):
    words = random.choices(OTHER, k=7) + random.choices(PRAISE if good else BLAME, k=3)
    random.shuffle(words)
    return words


vocabulary = {w.lower(): i + 1 for i, w in enumerate(sorted({*PRAISE, *BLAME, *OTHER}))}


def encode(words):
    return [vocabulary.get(w, 0) for w in words]


labels = [i % 2 for i in range(2400)]
random.shuffle(labels)
ids = torch.tensor([encode(review(good)) for good in labels])
labels = torch.tensor(labels)
train_ids, valid_ids = ids[:1600], ids[1600:]
train_labels, valid_labels = labels[:1600], labels[1600:]


class Reader(nn.Module):
    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(len(vocabulary) + 1, 12)
        self.hidden = nn.Linear(12, 16)
        self.out = nn.Linear(16, 2)

    def forward(self, words):
        return self.out(torch.relu(self.hidden(self.embedding(words).mean(1))))


@torch.no_grad()
def validate(model):
    model.eval()
    total = sum(
        F.cross_entropy(model(valid_ids[i : i + 80]), valid_labels[i : i + 80]).item()
        for i in range(0, len(valid_ids), 80)
    )
    model.train()
    return total / (len(valid_ids) / 80)


# %% train
model = Reader()
optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
for epoch in range(6):
    for rows in torch.randperm(len(train_ids)).split(32):
        optimizer.zero_grad()
        loss = F.cross_entropy(model(train_ids[rows]), train_labels[rows])
        loss.backward()
        optimizer.step()
    print(f"{epoch}: validation loss {validate(model):.4f}")

# %% verify
with torch.no_grad():
    outputs = model(valid_ids)
predicted = outputs.argmax(1).numpy()
actual = valid_labels.numpy()

# %% fix setup
import random

import torch
import torch.nn.functional as F
from torch import nn

random.seed(6)
torch.manual_seed(6)
PRAISE = "Lovely Great Superb Charming Brilliant Moving".split()
BLAME = "Dull Awful Tedious Clumsy Boring Empty".split()
OTHER = "The A Film Plot Actor Scene Music Ending Story Camera Was Is And Very With".split()


def review(good):
    words = random.choices(OTHER, k=7) + random.choices(PRAISE if good else BLAME, k=3)
    random.shuffle(words)
    return words


vocabulary = {w.lower(): i + 1 for i, w in enumerate(sorted({*PRAISE, *BLAME, *OTHER}))}


def encode(words):
    return [vocabulary.get(w.lower(), 0) for w in words]


labels = [i % 2 for i in range(2400)]
random.shuffle(labels)
ids = torch.tensor([encode(review(good)) for good in labels])
labels = torch.tensor(labels)
train_ids, valid_ids = ids[:1600], ids[1600:]
train_labels, valid_labels = labels[:1600], labels[1600:]


class Reader(nn.Module):
    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(len(vocabulary) + 1, 12)
        self.hidden = nn.Linear(12, 16)
        self.out = nn.Linear(16, 2)

    def forward(self, words):
        return self.out(torch.relu(self.hidden(self.embedding(words).mean(1))))


@torch.no_grad()
def validate(model):
    model.eval()
    total = sum(
        F.cross_entropy(model(valid_ids[i : i + 80]), valid_labels[i : i + 80]).item()
        for i in range(0, len(valid_ids), 80)
    )
    model.train()
    return total / (len(valid_ids) / 80)
