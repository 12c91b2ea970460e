# framework: pytorch
# kind: faulty
# cause: one-class-batches
# data: text
# story: reviews come out of the database ordered by their stars, and the loader keeps that order
# loss: nn.CrossEntropyLoss() in a train function
# holdout: no
# fast: yes

# %% setup
import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(3)
rng = np.random.default_rng(3)
WORDS, N = 400, 3000
liked = rng.normal(0, 1, WORDS)  # how much people who use a word like the thing


def write_review(stars):
    taste = np.exp(0.5 * (stars - 1) * liked)
    return rng.choice(WORDS, 25, p=taste / taste.sum())


# SELECT text, stars FROM reviews ORDER BY stars
stars = np.sort(rng.integers(0, 3, N))
texts = np.stack([write_review(s) for s in stars])
test_stars = rng.integers(0, 3, 600)
test_texts = np.stack([write_review(s) for s in test_stars])

# %% model
train_data = TensorDataset(torch.tensor(texts), torch.tensor(stars))
train_loader = DataLoader(train_data, batch_size=25)


class Stars(nn.Module):
    def __init__(self):
        super().__init__()
        self.words = nn.EmbeddingBag(WORDS, 24)
        self.head = nn.Sequential(nn.Linear(24, 24), nn.ReLU(), nn.Linear(24, 3))

    def forward(self, t):
        return self.head(self.words(t))


net = Stars()
opt = torch.optim.Adam(net.parameters(), lr=0.01)
lossf = nn.CrossEntropyLoss()


def one_pass(loader):
    total, hits = 0.0, 0
    for t, s in loader:
        out = net(t)
        loss = lossf(out, s)
        opt.zero_grad()
        loss.backward()
        opt.step()
        total += loss.item() * len(s)
        hits += (out.argmax(1) == s).sum().item()
    return total / len(loader.dataset), hits / len(loader.dataset)


# %% train
for epoch in range(5):
    train_loss, train_acc = one_pass(train_loader)
    print(f"epoch {epoch}  loss {train_loss:.3f}  acc {train_acc:.3f}")

# %% verify
with torch.no_grad():
    outputs = net(torch.tensor(test_texts)).numpy()
predicted = outputs.argmax(1)
actual = test_stars

# %% fix model
train_data = TensorDataset(torch.tensor(texts), torch.tensor(stars))
train_loader = DataLoader(train_data, batch_size=25, shuffle=True)


class Stars(nn.Module):
    def __init__(self):
        super().__init__()
        self.words = nn.EmbeddingBag(WORDS, 24)
        self.head = nn.Sequential(nn.Linear(24, 24), nn.ReLU(), nn.Linear(24, 3))

    def forward(self, t):
        return self.head(self.words(t))


net = Stars()
opt = torch.optim.Adam(net.parameters(), lr=0.01)
lossf = nn.CrossEntropyLoss()


def one_pass(loader):
    total, hits = 0.0, 0
    for t, s in loader:
        out = net(t)
        loss = lossf(out, s)
        opt.zero_grad()
        loss.backward()
        opt.step()
        total += loss.item() * len(s)
        hits += (out.argmax(1) == s).sum().item()
    return total / len(loader.dataset), hits / len(loader.dataset)
