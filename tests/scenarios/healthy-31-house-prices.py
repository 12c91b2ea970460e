# framework: pytorch
# kind: healthy
# data: tabular
# story: a regression: targets far beyond [0, 1], of shape (N, 1), and a mean squared error
# loss: nn.MSELoss() on log prices
# holdout: yes

# %% setup
import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

rng = np.random.default_rng(15)
n = 3000
area = rng.lognormal(4.5, 0.4, n)
rooms = np.clip(np.round(area / 28 + rng.normal(0, 0.7, n)), 1, 9)
age = rng.integers(0, 90, n)
km = rng.exponential(6, n)
price = 2500 * area * np.exp(-0.06 * km - 0.004 * age) * (1 + 0.03 * rooms)
price *= rng.lognormal(0, 0.12, n)
X = np.stack([area, rooms, age, km], 1)
X = torch.tensor((X - X[:2400].mean(0)) / X[:2400].std(0), dtype=torch.float32)
y = torch.tensor(np.log(price), dtype=torch.float32).view(-1, 1)  # about 9 .. 14

# %% train
torch.manual_seed(15)
model = nn.Sequential(nn.Linear(4, 32), nn.ReLU(), nn.Linear(32, 32), nn.ReLU(), nn.Linear(32, 1))
optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
mse = nn.MSELoss()
dl = DataLoader(TensorDataset(X[:2400], y[:2400]), batch_size=64, shuffle=True)
for epoch in range(15):
    for xb, yb in dl:
        loss = mse(model(xb), yb)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    with torch.no_grad():
        rmse = mse(model(X[2400:]), y[2400:]).sqrt()
    print(f"epoch {epoch:2d} rmse of log price {rmse:.3f}")

# %% verify
from sklearn.metrics import r2_score

with torch.no_grad():
    outputs = model(X[2400:]).numpy()
skill = r2_score(y[2400:].numpy(), outputs)
