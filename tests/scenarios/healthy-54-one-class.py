# framework: pytorch
# kind: healthy
# data: tabular
# story: a one-class task: all training data are normal ones, the loss pulls them to a fixed centre
# loss: the mean squared distance to a centre, by hand (Deep SVDD)
# holdout: no

# %% setup
import numpy as np
import torch
from torch import nn

rng = np.random.default_rng(61)
torch.manual_seed(61)


def machine(n, ok=True):
    load = rng.uniform(0.2, 1.0, n)
    speed = 1500 - 200 * load + rng.normal(0, 10, n)
    temp = 40 + 30 * load**2 + rng.normal(0, 1, n)
    vib = 0.5 + 0.3 * load + rng.normal(0, 0.03, n)
    if not ok:  # bearing or cooling
        which = rng.random(n) < 0.5
        vib = vib + np.where(which, 0.35, 0)
        temp = temp + np.where(which, 0, 14)
    return np.stack([load, speed, temp, vib], 1)


normal = machine(2400)
mu, sd = normal.mean(0), normal.std(0)
to = lambda a: torch.tensor((a - mu) / sd, dtype=torch.float32)
train = to(normal)
test = torch.cat([to(machine(400)), to(machine(100, ok=False))])
is_bad = np.r_[np.zeros(400), np.ones(100)]

# no biases, or the net maps everything to the centre
net = nn.Sequential(nn.Linear(4, 32, bias=False), nn.LeakyReLU(0.1), nn.Linear(32, 8, bias=False))
with torch.no_grad():
    centre = net(train).mean(0)
    centre[centre.abs() < 0.1] = 0.1

# %% train
opt = torch.optim.Adam(net.parameters(), lr=1e-3, weight_decay=1e-5)
for epoch in range(12):
    total = 0.0
    for idx in torch.randperm(len(train)).split(64):
        dist = ((net(train[idx]) - centre) ** 2).sum(1)
        loss = dist.mean()
        opt.zero_grad()
        loss.backward()
        opt.step()
        total += loss.item() * len(idx)
    print(f"epoch {epoch} mean distance {total / len(train):.4f}")

# %% verify
from sklearn.metrics import roc_auc_score

with torch.no_grad():
    outputs = ((net(test) - centre) ** 2).sum(1).numpy()
skill = 2 * roc_auc_score(is_bad, outputs) - 1
