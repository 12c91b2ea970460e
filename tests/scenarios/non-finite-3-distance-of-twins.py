# framework: pytorch
# kind: faulty
# cause: non-finite
# data: text
# story: the distance between two equal sentences is the root of zero, and its gradient is no number
# loss: F.binary_cross_entropy_with_logits in a loop, on a distance by hand
# holdout: no

# %% setup
import random

import torch
import torch.nn.functional as F
from torch import nn

random.seed(88)
torch.manual_seed(88)
VOCAB, WORDS, N = 60, 6, 2400


def pair():
    """two questions; duplicates share nearly all their words"""
    a = [random.randrange(VOCAB) for _ in range(WORDS)]
    if random.random() < 0.5:
        return a, [random.randrange(VOCAB) for _ in range(WORDS)], 0.0
    b = a[:]
    random.shuffle(b)
    if random.random() < 0.9:
        b[random.randrange(WORDS)] = random.randrange(VOCAB)
    else:
        b = a[:]
    return a, b, 1.0


pairs = [pair() for _ in range(N + 500)]
first, second = (torch.tensor([p[k] for p in pairs]) for k in (0, 1))
duplicate = torch.tensor([p[2] for p in pairs])


# %% model
class Twins(nn.Module):
    def __init__(self, dim=16):
        super().__init__()
        self.words = nn.Embedding(VOCAB, dim)
        self.project = nn.Linear(dim, dim)
        self.scale = nn.Parameter(torch.tensor(-1.0))
        self.offset = nn.Parameter(torch.tensor(0.0))

    def encode(self, sentence):
        return torch.tanh(self.project(self.words(sentence).mean(1)))

    def forward(self, a, b):
        difference = self.encode(a) - self.encode(b)
        distance = torch.sqrt((difference**2).sum(1))
        return self.scale * distance + self.offset


# %% train
net = Twins()
opt = torch.optim.Adam(net.parameters(), lr=5e-3)
for epoch in range(5):
    for rows in torch.randperm(N).split(40):
        opt.zero_grad()
        loss = F.binary_cross_entropy_with_logits(net(first[rows], second[rows]), duplicate[rows])
        loss.backward()
        opt.step()
    print(f"epoch {epoch}: {loss.item():.4f}")

# %% verify
with torch.no_grad():
    outputs = net(first[N:], second[N:])
predicted = (outputs > 0).int().numpy()
actual = duplicate[N:].int().numpy()


# %% fix model
class Twins(nn.Module):
    def __init__(self, dim=16):
        super().__init__()
        self.words = nn.Embedding(VOCAB, dim)
        self.project = nn.Linear(dim, dim)
        self.scale = nn.Parameter(torch.tensor(-1.0))
        self.offset = nn.Parameter(torch.tensor(0.0))

    def encode(self, sentence):
        return torch.tanh(self.project(self.words(sentence).mean(1)))

    def forward(self, a, b):
        difference = self.encode(a) - self.encode(b)
        distance = torch.sqrt((difference**2).sum(1) + 1e-8)
        return self.scale * distance + self.offset
