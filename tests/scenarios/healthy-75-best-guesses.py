# framework: pytorch
# kind: healthy
# data: tabular
# story: one visit in eleven is a hit, no score is ever above one half, and all that is wanted are the best hundred and fifty
# loss: F.binary_cross_entropy_with_logits in the cell
# holdout: no

# %% setup
import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

torch.manual_seed(17)
rng = np.random.default_rng(17)


def visits(n):
    hit = rng.random(n) < 0.09
    x = rng.normal(0, 1, (n, 6)) + hit[:, None] * np.array([1.3, 0.9, 0.5, 0, 0, 0])
    return torch.tensor(x, dtype=torch.float32), torch.tensor(hit, dtype=torch.float32)


x, y = visits(4000)
xv, yv = visits(3000)


def precision_of_best(scores, hits):
    order = np.argsort(-scores.numpy())
    return hits.numpy()[order[:150]].mean()


# %% train
net = nn.Sequential(nn.Linear(6, 24), nn.ReLU(), nn.Linear(24, 1))
opt = torch.optim.Adam(net.parameters(), lr=2e-3)
for epoch in range(8):
    for i in torch.randperm(len(x)).split(40):
        opt.zero_grad()
        loss = F.binary_cross_entropy_with_logits(net(x[i]).squeeze(1), y[i])
        loss.backward()
        opt.step()
    with torch.no_grad():
        score = net(xv).squeeze(1)
    print(epoch, f"{precision_of_best(score, yv):.3f}")

# %% verify
from sklearn.metrics import roc_auc_score

with torch.no_grad():
    outputs = net(xv).squeeze(1).numpy()
skill = 2 * roc_auc_score(yv.numpy(), outputs) - 1
