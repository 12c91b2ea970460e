# framework: pytorch
# kind: faulty
# cause: train-eval-gap
# data: image
# story: a helper for conv layers passes the weight decay where the momentum of batch norm belongs
# loss: F.cross_entropy in one function for training and validation
# holdout: yes

# %% setup
import numpy as np
import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits
from torch import nn

torch.manual_seed(33)
digits = load_digits()
rs = np.random.RandomState(33)
perm = rs.permutation(len(digits.target))
images = torch.tensor(255 - digits.images[perm] * 15, dtype=torch.float32)[:, None]
target = torch.tensor(digits.target[perm])
splits = {"train": (images[:1200], target[:1200]), "val": (images[1200:], target[1200:])}


# %% model
def conv(inp, out, decay=1e-4):
    return nn.Sequential(
        nn.Conv2d(inp, out, 3, padding=1, bias=False), nn.BatchNorm2d(out, 1e-5, decay), nn.ReLU()
    )


class Reader(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(conv(1, 8), nn.MaxPool2d(2), conv(8, 16), nn.Flatten())
        self.top = nn.Linear(16 * 16, 10)

    def forward(self, x):
        return self.top(self.body(x))


reader = Reader()
optimizer = torch.optim.Adam(reader.parameters(), lr=2e-3)


def run(split):
    x, t = splits[split]
    training = split == "train"
    reader.train(training)
    losses, hits = [], 0
    for rows in torch.randperm(len(x)).split(60):
        with torch.set_grad_enabled(training):
            out = reader(x[rows])
            loss = F.cross_entropy(out, t[rows])
        if training:
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        losses.append(loss.item())
        hits += (out.argmax(1) == t[rows]).sum().item()
    return np.mean(losses), hits / len(x)


# %% train
for epoch in range(6):
    print(epoch, "train %.3f %.3f" % run("train"), "val %.3f %.3f" % run("val"))

# %% verify
reader.eval()
with torch.no_grad():
    predicted = reader(splits["val"][0]).argmax(1).numpy()
actual = splits["val"][1].numpy()


# %% fix model
def conv(inp, out):
    return nn.Sequential(
        nn.Conv2d(inp, out, 3, padding=1, bias=False), nn.BatchNorm2d(out), nn.ReLU()
    )


class Reader(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(conv(1, 8), nn.MaxPool2d(2), conv(8, 16), nn.Flatten())
        self.top = nn.Linear(16 * 16, 10)

    def forward(self, x):
        return self.top(self.body(x))


reader = Reader()
optimizer = torch.optim.Adam(reader.parameters(), lr=2e-3)


def run(split):
    x, t = splits[split]
    training = split == "train"
    reader.train(training)
    losses, hits = [], 0
    for rows in torch.randperm(len(x)).split(60):
        with torch.set_grad_enabled(training):
            out = reader(x[rows])
            loss = F.cross_entropy(out, t[rows])
        if training:
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        losses.append(loss.item())
        hits += (out.argmax(1) == t[rows]).sum().item()
    return np.mean(losses), hits / len(x)
