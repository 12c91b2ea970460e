# framework: pytorch
# kind: healthy
# data: text
# story: thirty tags, each true of a few rows in a hundred: nearly every prediction is a zero, and rightly
# loss: nn.BCEWithLogitsLoss() on (N, 30)
# holdout: no

# %% setup
import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

rng = np.random.default_rng(83)
torch.manual_seed(83)
N, WORDS, TAGS = 2600, 120, 30
x = (rng.random((N, WORDS)) < 0.08).astype("float32")
keys = rng.permutation(WORDS)[: TAGS * 2].reshape(TAGS, 2)
# a tag is set if both or mostly if one of its words is there
y = np.zeros((N, TAGS), dtype="float32")
for t, (a, b) in enumerate(keys):
    y[:, t] = (x[:, a] > 0) & (rng.random(N) < 0.6) | (x[:, a] * x[:, b] > 0)
print("share of ones", y.mean(), "rows without any", (y.sum(1) == 0).mean())
X, Y = torch.from_numpy(x), torch.from_numpy(y)
train = DataLoader(TensorDataset(X[:2200], Y[:2200]), batch_size=32, shuffle=True)

# %% train
model = nn.Sequential(nn.Linear(WORDS, 64), nn.ReLU(), nn.Linear(64, TAGS))
criterion = nn.BCEWithLogitsLoss()
optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
for epoch in range(10):
    for xb, yb in train:
        optimizer.zero_grad()
        loss = criterion(model(xb), yb)
        loss.backward()
        optimizer.step()
    with torch.no_grad():
        hits = ((model(X[2200:]) > 0).float() * Y[2200:]).sum() / Y[2200:].sum()
    print(f"epoch {epoch} loss {loss.item():.4f} recall {hits:.3f}")

# %% verify
from sklearn.metrics import roc_auc_score

with torch.no_grad():
    outputs = model(X[2200:]).numpy()
skill = 2 * roc_auc_score(y[2200:], outputs, average="macro") - 1
