# framework: pytorch
# kind: faulty
# cause: one-class-labels
# data: tabular
# story: rents are in thousands in the file and are compared with a number of euros
# loss: F.binary_cross_entropy on a sigmoid, in a function
# holdout: yes

# %% setup
import numpy as np
import pandas as pd
import torch
import torch.nn.functional as F
from torch import nn

torch.manual_seed(93)
rng = np.random.default_rng(93)
n = 2600
flats = pd.DataFrame(
    {
        "rooms": rng.integers(1, 6, n),
        "centre_km": rng.gamma(2.0, 3.0, n),
        "balcony": rng.integers(0, 2, n),
        "year": rng.integers(1900, 2024, n),
    }
)
flats["rent"] = (
    0.35
    + 0.24 * flats.rooms
    - 0.03 * flats.centre_km
    + 0.1 * flats.balcony
    + rng.normal(0, 0.08, n)
).clip(0.2)

# %% target
flats["dear"] = flats["rent"] > 950

# %% tensors
columns = ["rooms", "centre_km", "balcony", "year"]
x = (flats[columns] - flats[columns].mean()) / flats[columns].std()
x = torch.tensor(x.values, dtype=torch.float32)
y = torch.tensor(flats["dear"].values, dtype=torch.float32)


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.l1 = nn.Linear(4, 20)
        self.l2 = nn.Linear(20, 1)

    def forward(self, x):
        return torch.sigmoid(self.l2(torch.relu(self.l1(x)))).view(-1)


def run_epoch(net, opt, rows):
    right = 0
    for batch in rows[torch.randperm(len(rows))].split(32):
        p = net(x[batch])
        loss = F.binary_cross_entropy(p, y[batch])
        opt.zero_grad()
        loss.backward()
        opt.step()
        right += ((p > 0.5) == (y[batch] > 0.5)).sum().item()
    return loss.item(), right / len(rows)


# %% train
net = Net()
opt = torch.optim.Adam(net.parameters(), lr=5e-3)
for epoch in range(6):
    print(epoch, "loss %.5f accuracy %.3f" % run_epoch(net, opt, torch.arange(2000)))

# %% verify
with torch.no_grad():
    predicted = (net(x[2000:]) > 0.5).int().numpy()
actual = (flats["rent"].values[2000:] > 0.95).astype(int)

# %% fix target
flats["dear"] = flats["rent"] > 0.95
