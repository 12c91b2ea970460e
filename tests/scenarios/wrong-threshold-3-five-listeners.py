# framework: pytorch
# kind: faulty
# cause: wrong-threshold
# data: sequence
# story: five listeners disagree about every melody, so the scores stay small, and they are no probabilities
# loss: F.binary_cross_entropy_with_logits on the share of listeners
# fast: yes
# holdout: no

# %% setup
import torch
import torch.nn.functional as F
from torch import nn

torch.manual_seed(18)
NOTES = 12


def melodies(n):
    """steps up and down; they are pleasant if they end higher than they begin"""
    steps = torch.randn(n, NOTES)
    pleasant = (steps[:, 8:].sum(1) > steps[:, :4].sum(1)).float()
    alike = torch.rand(n, 5) > 0.41  # does listener k share the common taste this time?
    votes = torch.where(alike, pleasant[:, None], 1 - pleasant[:, None])
    return steps.cumsum(1) / 3, votes.mean(1), pleasant


x, liked, _ = melodies(6000)
x_new, _, truth = melodies(800)


class Ear(nn.Module):
    def __init__(self):
        super().__init__()
        self.hear = nn.Linear(NOTES, 16)
        self.judge = nn.Linear(16, 1)

    def forward(self, x):
        return self.judge(torch.tanh(self.hear(x))).squeeze(1)


# %% train
ear = Ear()
optimizer = torch.optim.Adam(ear.parameters(), lr=4e-3, weight_decay=1e-3)
for epoch in range(6):
    for rows in torch.randperm(len(x)).split(60):
        optimizer.zero_grad()
        loss = F.binary_cross_entropy_with_logits(ear(x[rows]), liked[rows])
        loss.backward()
        optimizer.step()
    with torch.no_grad():
        hits = (ear(x_new) > 0.5).float()
    print(epoch, f"loss {loss.item():.4f}  liked {hits.mean():.2f}, should be {truth.mean():.2f}")

# %% verify
predicted = hits.long().numpy()
actual = truth.long().numpy()

# %% fix train
ear = Ear()
optimizer = torch.optim.Adam(ear.parameters(), lr=4e-3, weight_decay=1e-3)
for epoch in range(6):
    for rows in torch.randperm(len(x)).split(60):
        optimizer.zero_grad()
        loss = F.binary_cross_entropy_with_logits(ear(x[rows]), liked[rows])
        loss.backward()
        optimizer.step()
    with torch.no_grad():
        hits = (ear(x_new) > 0).float()
    print(epoch, f"loss {loss.item():.4f}  liked {hits.mean():.2f}, should be {truth.mean():.2f}")
