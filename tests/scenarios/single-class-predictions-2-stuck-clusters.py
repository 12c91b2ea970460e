# framework: pytorch
# kind: faulty
# cause: single-class-predictions
# also: constant-output, not-learning
# data: tabular
# story: the features are averaged over the batch by mistake, so that all samples get one answer
# loss: F.cross_entropy on logits
# holdout: no

# %% setup
import torch
import torch.nn.functional as F
from sklearn.datasets import make_blobs
from torch import nn

torch.manual_seed(5)
X, y = make_blobs(2000, n_features=6, centers=3, cluster_std=1.5, random_state=5)
X = torch.tensor(X, dtype=torch.float32)
X = (X - X.mean(0)) / X.std(0)
y = torch.tensor(y)


class Pooled(nn.Module):
    """encode, normalise, classify"""

    def __init__(self):
        super().__init__()
        self.encode = nn.Sequential(nn.Linear(6, 32), nn.ReLU(), nn.Linear(32, 16))
        self.classify = nn.Linear(16, 3)

    def forward(self, x):
        z = self.encode(x)
        z = z.mean(0, keepdim=True).expand_as(z)
        return self.classify(z)


# %% train
model = Pooled()
opt = torch.optim.Adam(model.parameters(), lr=3e-3)
for epoch in range(8):
    for i in range(0, 1600, 32):
        loss = F.cross_entropy(model(X[i : i + 32]), y[i : i + 32])
        opt.zero_grad()
        loss.backward()
        opt.step()
    print(epoch, f"{loss.item():.4f}")

# %% verify
with torch.no_grad():
    outputs = model(X[1600:])
predicted = outputs.argmax(1).numpy()
actual = y[1600:].numpy()

# %% fix setup
import torch
import torch.nn.functional as F
from sklearn.datasets import make_blobs
from torch import nn

torch.manual_seed(5)
X, y = make_blobs(2000, n_features=6, centers=3, cluster_std=1.5, random_state=5)
X = torch.tensor(X, dtype=torch.float32)
X = (X - X.mean(0)) / X.std(0)
y = torch.tensor(y)


class Pooled(nn.Module):
    """encode, normalise, classify"""

    def __init__(self):
        super().__init__()
        self.encode = nn.Sequential(nn.Linear(6, 32), nn.ReLU(), nn.Linear(32, 16))
        self.classify = nn.Linear(16, 3)

    def forward(self, x):
        z = self.encode(x)
        z = z - z.mean(-1, keepdim=True)
        return self.classify(z)
