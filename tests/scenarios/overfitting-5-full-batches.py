# framework: pytorch
# kind: faulty
# cause: overfitting
# data: tabular
# story: full batch descent on seventy rows with a fifth of the labels wrong, validated every tenth epoch by a helper
# loss: nn.BCEWithLogitsLoss() in a class with a validation
# holdout: no

# %% setup
import numpy as np
import torch
from torch import nn

torch.manual_seed(1)
gen = np.random.default_rng(1)


def make(n, flip):
    a = gen.normal(size=(n, 20)).astype("float32")
    t = a[:, 0] - a[:, 1] + a[:, 2] > 0
    y = np.where(gen.random(n) < flip, ~t, t)
    return torch.tensor(a), torch.tensor(y, dtype=torch.float32)[:, None]


# annotators agree in four of five cases
xa, ya = make(70, 0.2)
xb, yb = make(200, 0.2)
xc, yc = make(2000, 0.0)  # checked by two doctors


class Learner:
    def __init__(self):
        self.net = nn.Sequential(
            nn.Linear(20, 160), nn.Tanh(), nn.Linear(160, 160), nn.Tanh(), nn.Linear(160, 1)
        )
        self.crit = nn.BCEWithLogitsLoss()
        self.opt = torch.optim.Adam(self.net.parameters(), lr=3e-3)

    def epoch(self):
        self.net.train()
        self.opt.zero_grad()
        loss = self.crit(self.net(xa), ya)
        loss.backward()
        self.opt.step()
        return loss.item()

    @torch.no_grad()
    def val(self):
        self.net.eval()
        z = self.net(xb)
        return self.crit(z, yb).item(), ((z > 0) == (yb > 0.5)).float().mean().item()


EPOCHS = 400

# %% train
learner = Learner()
for e in range(EPOCHS):
    tr = learner.epoch()
    if e % 10 == 9:
        va = learner.val()
        if e % 100 == 99:
            print(e + 1, round(tr, 3), va)

# %% verify
with torch.no_grad():
    predicted = (learner.net(xc) > 0).int().numpy()[:, 0]
actual = yc.numpy().astype(int)[:, 0]

# %% fix setup
import numpy as np
import torch
from torch import nn

torch.manual_seed(1)
gen = np.random.default_rng(1)


def make(n, flip):
    a = gen.normal(size=(n, 20)).astype("float32")
    t = a[:, 0] - a[:, 1] + a[:, 2] > 0
    y = np.where(gen.random(n) < flip, ~t, t)
    return torch.tensor(a), torch.tensor(y, dtype=torch.float32)[:, None]


# annotators agree in four of five cases
xa, ya = make(3000, 0.2)
xb, yb = make(200, 0.2)
xc, yc = make(2000, 0.0)  # checked by two doctors


class Learner:
    def __init__(self):
        self.net = nn.Sequential(
            nn.Linear(20, 160), nn.Tanh(), nn.Linear(160, 160), nn.Tanh(), nn.Linear(160, 1)
        )
        self.crit = nn.BCEWithLogitsLoss()
        self.opt = torch.optim.Adam(self.net.parameters(), lr=3e-3)

    def epoch(self):
        self.net.train()
        self.opt.zero_grad()
        loss = self.crit(self.net(xa), ya)
        loss.backward()
        self.opt.step()
        return loss.item()

    @torch.no_grad()
    def val(self):
        self.net.eval()
        z = self.net(xb)
        return self.crit(z, yb).item(), ((z > 0) == (yb > 0.5)).float().mean().item()


EPOCHS = 30
