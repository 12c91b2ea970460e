# framework: pytorch
# kind: faulty
# cause: train-eval-gap
# data: tabular
# story: momentum=0.001 for batch norm, copied from a TensorFlow model where the word means the rest to one
# loss: nn.CrossEntropyLoss() in two helper functions, for training and for validation
# holdout: no
# fast: yes

# %% data
import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(12)
rng = np.random.default_rng(12)


def soil(n):
    kind = rng.integers(0, 3, n)
    moisture = rng.normal(30 + 14 * kind, 6)
    ph = rng.normal(6.8 - 0.5 * kind, 0.5)
    heat = rng.normal(18, 4, n)
    conductivity = rng.normal(60 - 9 * kind, 9)
    return np.stack([moisture, ph, heat, conductivity], 1).astype("float32"), kind


(x_train, y_train), (x_val, y_val) = soil(1500), soil(600)
pack = lambda x, y: TensorDataset(torch.from_numpy(x), torch.from_numpy(y))
train_loader = DataLoader(pack(x_train, y_train), batch_size=50, shuffle=True)
val_loader = DataLoader(pack(x_val, y_val), batch_size=100)

# %% model
net = nn.Sequential(
    nn.BatchNorm1d(4, momentum=0.001),
    nn.Linear(4, 24),
    nn.BatchNorm1d(24, momentum=0.001),
    nn.ReLU(),
    nn.Linear(24, 3),
)
crit = nn.CrossEntropyLoss()
opt = torch.optim.Adam(net.parameters(), lr=3e-3)


def train_epoch():
    net.train()
    good = 0
    for xb, yb in train_loader:
        opt.zero_grad()
        out = net(xb)
        loss = crit(out, yb)
        loss.backward()
        opt.step()
        good += (out.argmax(1) == yb).sum().item()
    return good / len(y_train)


@torch.no_grad()
def validate():
    net.eval()
    total, good = 0.0, 0
    for xb, yb in val_loader:
        out = net(xb)
        total += crit(out, yb).item() * len(yb)
        good += (out.argmax(1) == yb).sum().item()
    return total / len(y_val), good / len(y_val)


# %% train
for epoch in range(10):
    acc = train_epoch()
    val_loss, val_acc = validate()
    print(f"{epoch} train {acc:.3f} val {val_acc:.3f} (loss {val_loss:.2f})")

# %% verify
net.eval()
with torch.no_grad():
    predicted = net(torch.from_numpy(x_val)).argmax(1).numpy()
actual = y_val

# %% fix model
net = nn.Sequential(
    nn.BatchNorm1d(4),
    nn.Linear(4, 24),
    nn.BatchNorm1d(24),
    nn.ReLU(),
    nn.Linear(24, 3),
)
crit = nn.CrossEntropyLoss()
opt = torch.optim.Adam(net.parameters(), lr=3e-3)


def train_epoch():
    net.train()
    good = 0
    for xb, yb in train_loader:
        opt.zero_grad()
        out = net(xb)
        loss = crit(out, yb)
        loss.backward()
        opt.step()
        good += (out.argmax(1) == yb).sum().item()
    return good / len(y_train)


@torch.no_grad()
def validate():
    net.eval()
    total, good = 0.0, 0
    for xb, yb in val_loader:
        out = net(xb)
        total += crit(out, yb).item() * len(yb)
        good += (out.argmax(1) == yb).sum().item()
    return total / len(y_val), good / len(y_val)
