# framework: pytorch
# kind: faulty
# cause: single-unit-softmax
# data: text
# story: softmax over the one column of the output is always 1: every review is positive
# loss: F.binary_cross_entropy in a training step function
# holdout: no
# fast: yes

# %% setup
import random

import torch
import torch.nn as nn
import torch.nn.functional as F

torch.manual_seed(2)
random.seed(2)

GOOD = "great lovely fun superb enjoyed charming fresh warm".split()
BAD = "boring awful dull waste slow terrible weak flat".split()
REST = "the film was a story of and with its cast plot scene ending music it very".split()
vocab = {w: i + 1 for i, w in enumerate(GOOD + BAD + REST)}  # 0 = pad


def review():
    positive = random.random() < 0.5
    words = random.choices(REST, k=random.randint(6, 12))
    words += random.choices(GOOD if positive else BAD, k=2)
    random.shuffle(words)
    return words, float(positive)


def encode(words, length=14):
    ids = [vocab[w] for w in words][:length]
    return [0] * (length - len(ids)) + ids


raw = [review() for _ in range(1600)]
tokens = torch.tensor([encode(w) for w, _ in raw])
sentiment = torch.tensor([s for _, s in raw])


class SentimentRNN(nn.Module):
    def __init__(self, n_vocab, emb=16, hid=24):
        super().__init__()
        self.emb = nn.Embedding(n_vocab, emb)
        self.rnn = nn.GRU(emb, hid, batch_first=True)
        self.out = nn.Linear(hid, 1)

    def forward(self, t):
        _, h = self.rnn(self.emb(t))
        return F.softmax(self.out(h[-1]), dim=1)


# %% train
def train_step(model, opt, t, s):
    opt.zero_grad()
    prob = model(t).squeeze(1)
    loss = F.binary_cross_entropy(prob, s)
    loss.backward()
    opt.step()
    return loss.item(), ((prob > 0.5).float() == s).float().mean().item()


model = SentimentRNN(len(vocab) + 1)
opt = torch.optim.Adam(model.parameters(), lr=5e-3)
for epoch in range(4):
    stats = [
        train_step(model, opt, tokens[i : i + 40], sentiment[i : i + 40])
        for i in range(0, 1280, 40)
    ]
    print(epoch, [round(sum(c) / len(stats), 3) for c in zip(*stats)])

# %% verify
with torch.no_grad():
    outputs = model(tokens[1280:]).squeeze(1).numpy()
predicted = (outputs > 0.5).astype(int)
actual = sentiment[1280:].numpy().astype(int)

# %% fix setup
import random

import torch
import torch.nn as nn
import torch.nn.functional as F

torch.manual_seed(2)
random.seed(2)

GOOD = "great lovely fun superb enjoyed charming fresh warm".split()
BAD = "boring awful dull waste slow terrible weak flat".split()
REST = "the film was a story of and with its cast plot scene ending music it very".split()
vocab = {w: i + 1 for i, w in enumerate(GOOD + BAD + REST)}  # 0 = pad


def review():
    positive = random.random() < 0.5
    words = random.choices(REST, k=random.randint(6, 12))
    words += random.choices(GOOD if positive else BAD, k=2)
    random.shuffle(words)
    return words, float(positive)


def encode(words, length=14):
    ids = [vocab[w] for w in words][:length]
    return [0] * (length - len(ids)) + ids


raw = [review() for _ in range(1600)]
tokens = torch.tensor([encode(w) for w, _ in raw])
sentiment = torch.tensor([s for _, s in raw])


class SentimentRNN(nn.Module):
    def __init__(self, n_vocab, emb=16, hid=24):
        super().__init__()
        self.emb = nn.Embedding(n_vocab, emb)
        self.rnn = nn.GRU(emb, hid, batch_first=True)
        self.out = nn.Linear(hid, 1)

    def forward(self, t):
        _, h = self.rnn(self.emb(t))
        return torch.sigmoid(self.out(h[-1]))
