# framework: pytorch
# kind: healthy
# data: image
# story: metric learning with a sampler that gives each batch a single class of anchors
# loss: nn.TripletMarginLoss(margin=0.5) on normalised embeddings
# holdout: no

# %% setup
import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import load_digits

rng = np.random.default_rng(23)
torch.manual_seed(23)
X, y = load_digits(return_X_y=True)
X = X / 16 + rng.normal(0, 0.35, X.shape)  # noisy scans
X = torch.tensor(X, dtype=torch.float32)
train_ids, test_ids = np.arange(1300), np.arange(1300, len(X))
by_class = [train_ids[y[train_ids] == c] for c in range(10)]


def triplets(n=24):
    c = rng.integers(10)
    others = train_ids[y[train_ids] != c]
    return rng.choice(by_class[c], n), rng.choice(by_class[c], n), rng.choice(others, n)


class Embedder(nn.Module):
    def __init__(self):
        super().__init__()
        self.net = nn.Sequential(nn.Linear(64, 96), nn.ReLU(), nn.Linear(96, 16))

    def forward(self, x):
        return F.normalize(self.net(x), dim=1)


# %% train
emb = Embedder()
triplet_loss = nn.TripletMarginLoss(margin=0.5)
opt = torch.optim.Adam(emb.parameters(), lr=2e-3)
running = []
for step in range(600):
    a, p, n = triplets()
    loss = triplet_loss(emb(X[a]), emb(X[p]), emb(X[n]))
    opt.zero_grad()
    loss.backward()
    opt.step()
    running.append(loss.item())
    if step % 100 == 99:
        print(step + 1, "triplet loss", np.mean(running[-100:]))

# %% verify
from sklearn.neighbors import NearestCentroid

with torch.no_grad():
    z = emb(X).numpy()
outputs = z[test_ids]
predicted = NearestCentroid().fit(z[train_ids], y[train_ids]).predict(outputs)
actual = y[test_ids]
