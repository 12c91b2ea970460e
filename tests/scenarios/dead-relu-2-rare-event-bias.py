# framework: pytorch
# kind: faulty
# cause: dead-relu
# also: bad-initialization, single-class-predictions
# data: tabular
# story: the bias that makes a model start from "rare" is set on every layer, not on the last one
# loss: nn.BCEWithLogitsLoss() in the cell
# fast: yes
# holdout: no

# %% setup
import torch
from sklearn.datasets import make_moons
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(41)
X, y = make_moons(1800, noise=0.12, random_state=41)
X = torch.tensor(X, dtype=torch.float32)
y = torch.tensor(y, dtype=torch.float32)
loader = DataLoader(TensorDataset(X[:1400], y[:1400]), batch_size=28, shuffle=True)


# %% model
class Net(nn.Module):
    def __init__(self, width=32):
        super().__init__()
        self.inp = nn.Linear(2, width)
        self.mid = nn.Linear(width, width)
        self.out = nn.Linear(width, 1)

    def forward(self, x):
        x = torch.relu(self.inp(x))
        x = torch.relu(self.mid(x))
        return self.out(x).squeeze(1)


model = Net()


def start_low(module, value=-4.6):
    # sigmoid(-4.6) = 1 %
    if isinstance(module, nn.Linear):
        nn.init.constant_(module.bias, value)


model.apply(start_low)

# %% train
criterion = nn.BCEWithLogitsLoss()
optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
for epoch in range(12):
    total = 0.0
    for xb, yb in loader:
        optimizer.zero_grad()
        loss = criterion(model(xb), yb)
        loss.backward()
        optimizer.step()
        total += loss.item()
    print(f"epoch {epoch + 1:2d} loss {total / len(loader):.4f}")

# %% verify
with torch.no_grad():
    outputs = model(X[1400:])
predicted = (outputs > 0).long().numpy()
actual = y[1400:].long().numpy()


# %% fix model
class Net(nn.Module):
    def __init__(self, width=32):
        super().__init__()
        self.inp = nn.Linear(2, width)
        self.mid = nn.Linear(width, width)
        self.out = nn.Linear(width, 1)

    def forward(self, x):
        x = torch.relu(self.inp(x))
        x = torch.relu(self.mid(x))
        return self.out(x).squeeze(1)


model = Net()
nn.init.constant_(model.out.bias, -4.6)
