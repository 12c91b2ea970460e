# framework: pytorch
# kind: faulty
# cause: single-class-predictions
# also: constant-output, not-learning
# data: tabular
# story: the one column is standardised along each row instead of each column, and so is 0 for everybody
# loss: nn.BCEWithLogitsLoss in a helper function
# fast: yes
# holdout: no

# %% setup
import numpy as np
import torch
from torch import nn

torch.manual_seed(4)
rng = np.random.default_rng(4)
pressure = rng.normal(125, 18, 2400)
ill = (rng.random(2400) < 1 / (1 + np.exp(-(pressure - 132) / 4))).astype("float32")
readings = pressure[:, None].astype("float32")


def standardise(table):
    mean = table.mean(axis=1, keepdims=True)
    spread = table.std(axis=1, keepdims=True)
    return (table - mean) / (spread + 1e-8)


x = torch.from_numpy(standardise(readings))
y = torch.from_numpy(ill)
x_train, x_test, y_train, y_test = x[:1800], x[1800:], y[:1800], y[1800:]


def one_epoch(net, opt, loss_fn):
    total = 0.0
    for rows in torch.randperm(len(x_train)).split(36):
        opt.zero_grad()
        loss = loss_fn(net(x_train[rows]).squeeze(1), y_train[rows])
        loss.backward()
        opt.step()
        total += loss.item() * len(rows)
    return total / len(x_train)


# %% train
net = nn.Sequential(nn.Linear(1, 16), nn.ReLU(), nn.Linear(16, 1))
opt = torch.optim.Adam(net.parameters(), lr=3e-3)
for epoch in range(1, 9):
    print(epoch, round(one_epoch(net, opt, nn.BCEWithLogitsLoss()), 4))

# %% verify
with torch.no_grad():
    outputs = net(x_test).squeeze(1)
predicted = (outputs > 0).long().numpy()
actual = y_test.long().numpy()

# %% fix setup
import numpy as np
import torch
from torch import nn

torch.manual_seed(4)
rng = np.random.default_rng(4)
pressure = rng.normal(125, 18, 2400)
ill = (rng.random(2400) < 1 / (1 + np.exp(-(pressure - 132) / 4))).astype("float32")
readings = pressure[:, None].astype("float32")


def standardise(table):
    mean = table.mean(axis=0, keepdims=True)
    spread = table.std(axis=0, keepdims=True)
    return (table - mean) / (spread + 1e-8)


x = torch.from_numpy(standardise(readings))
y = torch.from_numpy(ill)
x_train, x_test, y_train, y_test = x[:1800], x[1800:], y[:1800], y[1800:]


def one_epoch(net, opt, loss_fn):
    total = 0.0
    for rows in torch.randperm(len(x_train)).split(36):
        opt.zero_grad()
        loss = loss_fn(net(x_train[rows]).squeeze(1), y_train[rows])
        loss.backward()
        opt.step()
        total += loss.item() * len(rows)
    return total / len(x_train)
