# framework: pytorch
# kind: faulty
# cause: wrong-loss
# data: tabular
# story: the absolute distance between softmax and one-hot rows is smallest where the most frequent class takes all
# loss: F.l1_loss between softmax outputs and one-hot labels
# fast: yes
# holdout: no

# %% setup
import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

torch.manual_seed(23)
rng = np.random.default_rng(23)
n = 3000
taste = rng.normal(size=(n, 7))
amount = taste[:, 1] ** 2 + taste[:, 4] ** 2 + 0.2 * rng.normal(size=n)
menu = np.digitize(amount, [2.2, 4.2])  # 0 small, 1 medium, 2 large
taste = torch.tensor(taste, dtype=torch.float32)
menu = torch.from_numpy(menu)
one_hot = F.one_hot(menu, 3).float()


def distance(scores, wanted):
    return F.l1_loss(torch.softmax(scores, dim=1), wanted)


def step(net, opt, rows):
    opt.zero_grad()
    loss = distance(net(taste[rows]), one_hot[rows])
    loss.backward()
    opt.step()
    return loss.item()


# %% train
net = nn.Sequential(nn.Linear(7, 24), nn.ReLU(), nn.Linear(24, 3))
opt = torch.optim.SGD(net.parameters(), lr=0.1, momentum=0.9)
for epoch in range(12):
    losses = [step(net, opt, rows) for rows in torch.randperm(2400).split(48)]
    print(f"epoch {epoch} loss {np.mean(losses):.4f}")

# %% verify
with torch.no_grad():
    predicted = net(taste[2400:]).argmax(1).numpy()
actual = menu[2400:].numpy()

# %% fix setup
import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

torch.manual_seed(23)
rng = np.random.default_rng(23)
n = 3000
taste = rng.normal(size=(n, 7))
amount = taste[:, 1] ** 2 + taste[:, 4] ** 2 + 0.2 * rng.normal(size=n)
menu = np.digitize(amount, [2.2, 4.2])  # 0 small, 1 medium, 2 large
taste = torch.tensor(taste, dtype=torch.float32)
menu = torch.from_numpy(menu)
one_hot = F.one_hot(menu, 3).float()


def distance(scores, wanted):
    return F.cross_entropy(scores, wanted)


def step(net, opt, rows):
    opt.zero_grad()
    loss = distance(net(taste[rows]), one_hot[rows])
    loss.backward()
    opt.step()
    return loss.item()
