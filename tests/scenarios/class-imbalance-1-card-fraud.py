# framework: pytorch
# kind: faulty
# cause: class-imbalance
# data: tabular
# story: three frauds in a hundred, overlapping with the rest, and an unweighted loss
# loss: nn.BCEWithLogitsLoss() as a module, in a loop over a DataLoader
# holdout: yes

# %% imports
import numpy as np
import torch
import torch.nn as nn
from sklearn.datasets import make_classification
from sklearn.model_selection import train_test_split
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(7)
np.random.seed(7)

# %% data
X, y = make_classification(
    n_samples=5000,
    n_features=12,
    n_informative=6,
    n_redundant=2,
    n_clusters_per_class=1,
    weights=[0.97],
    class_sep=1.2,
    flip_y=0.005,
    random_state=7,
)
X_tr, X_te, y_tr, y_te = train_test_split(
    X.astype("float32"), y.astype("float32"), test_size=0.3, stratify=y, random_state=7
)
mean, std = X_tr.mean(0), X_tr.std(0)
X_tr, X_te = (X_tr - mean) / std, (X_te - mean) / std
train_dl = DataLoader(
    TensorDataset(torch.from_numpy(X_tr), torch.from_numpy(y_tr)), batch_size=64, shuffle=True
)
print(X_tr.shape, y_tr.mean())


# %% model
class FraudNet(nn.Module):
    def __init__(self, n_in):
        super().__init__()
        self.layers = nn.Sequential(
            nn.Linear(n_in, 16), nn.ReLU(), nn.Dropout(0.2), nn.Linear(16, 1)
        )

    def forward(self, x):
        return self.layers(x).squeeze(1)


net = FraudNet(X_tr.shape[1])
criterion = nn.BCEWithLogitsLoss()
opt = torch.optim.Adam(net.parameters(), lr=5e-4)

# %% train
for epoch in range(8):
    net.train()
    running = 0.0
    for xb, yb in train_dl:
        opt.zero_grad()
        loss = criterion(net(xb), yb)
        loss.backward()
        opt.step()
        running += loss.item()
    print(f"epoch {epoch}: loss {running / len(train_dl):.4f}")  # looks great??

# %% verify
net.eval()
with torch.no_grad():
    outputs = net(torch.from_numpy(X_te))
predicted = (torch.sigmoid(outputs) > 0.5).long().numpy()
actual = y_te.astype(int)


# %% fix model
class FraudNet(nn.Module):
    def __init__(self, n_in):
        super().__init__()
        self.layers = nn.Sequential(
            nn.Linear(n_in, 16), nn.ReLU(), nn.Dropout(0.2), nn.Linear(16, 1)
        )

    def forward(self, x):
        return self.layers(x).squeeze(1)


net = FraudNet(X_tr.shape[1])
frauds = float(y_tr.sum())
criterion = nn.BCEWithLogitsLoss(pos_weight=torch.tensor((len(y_tr) - frauds) / frauds))
opt = torch.optim.Adam(net.parameters(), lr=5e-4)
