# framework: pytorch
# kind: faulty
# cause: exploding-gradients
# also: learning-rate-too-high, non-finite
# data: sequence
# story: a plain recurrent net over sixty time steps, whose gradient grows on its way back to the first one
# loss: nn.BCEWithLogitsLoss() in a plain loop
# holdout: no
# fast: yes

# %% setup
import numpy as np
import torch
from torch import nn

torch.manual_seed(5)
rng = np.random.default_rng(5)
T = 60


def sessions(n):
    """Who buys: those who looked at more expensive things than cheap ones."""
    price = rng.normal(0, 1, (n, T, 2)).astype("float32")
    drift = rng.normal(0, 0.6, (n, 1)).astype("float32")
    price[..., 0] += drift
    return torch.from_numpy(price), torch.from_numpy((drift[:, 0] > 0).astype("float32"))


x, y = sessions(1200)
x_val, y_val = sessions(400)


class Buyer(nn.Module):
    def __init__(self, units=64):
        super().__init__()
        self.cell = nn.RNN(2, units, nonlinearity="relu", batch_first=True)
        self.head = nn.Linear(units, 1)
        nn.init.orthogonal_(self.cell.weight_hh_l0, gain=1.15)

    def forward(self, seq):
        states, last = self.cell(seq)
        return self.head(last[0]).squeeze(-1)


# %% train
net = Buyer()
opt = torch.optim.SGD(net.parameters(), lr=0.05)
bce = nn.BCEWithLogitsLoss()
for epoch in range(10):
    order = torch.randperm(len(x))
    for rows in order.split(40):
        opt.zero_grad()
        loss = bce(net(x[rows]), y[rows])
        loss.backward()
        opt.step()
    with torch.no_grad():
        acc = ((net(x_val) > 0).float() == y_val).float().mean()
    print(f"{epoch}: {loss.item():.3f}  val acc {acc:.3f}")

# %% verify
with torch.no_grad():
    predicted = (net(x_val) > 0).int().numpy()
actual = y_val.int().numpy()

# %% fix train
net = Buyer()
opt = torch.optim.SGD(net.parameters(), lr=0.05)
bce = nn.BCEWithLogitsLoss()
for epoch in range(10):
    order = torch.randperm(len(x))
    for rows in order.split(40):
        opt.zero_grad()
        loss = bce(net(x[rows]), y[rows])
        loss.backward()
        nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        opt.step()
    with torch.no_grad():
        acc = ((net(x_val) > 0).float() == y_val).float().mean()
    print(f"{epoch}: {loss.item():.3f}  val acc {acc:.3f}")
