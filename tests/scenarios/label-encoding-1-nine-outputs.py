# framework: pytorch
# kind: faulty
# cause: label-encoding
# also: labels-out-of-range
# data: image
# story: nine outputs for ten digits: the loss call raises
# loss: F.cross_entropy in a function of an earlier cell
# raises: IndexError
# holdout: yes

# %% setup
import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits
from torch import nn

torch.manual_seed(33)
X, y = load_digits(return_X_y=True)
X, y = torch.tensor(X, dtype=torch.float32) / 16, torch.tensor(y)
shuffle = torch.randperm(len(y))
X, y = X[shuffle], y[shuffle]
n_classes = int(y.max())


def run_epoch(net, opt, bs=50):
    for s in range(0, 1400, bs):
        out = net(X[s : s + bs])
        l = F.cross_entropy(out, y[s : s + bs])
        opt.zero_grad()
        l.backward()
        opt.step()
    return l.item()


# %% train
net = nn.Sequential(nn.Linear(64, 40), nn.ReLU(), nn.Linear(40, n_classes))
opt = torch.optim.Adam(net.parameters(), lr=5e-3)
for e in range(8):
    print(e, run_epoch(net, opt))

# %% verify
with torch.no_grad():
    outputs = net(X[1400:])
predicted = outputs.argmax(1).numpy()
actual = y[1400:].numpy()

# %% fix train
net = nn.Sequential(nn.Linear(64, 40), nn.ReLU(), nn.Linear(40, n_classes + 1))
opt = torch.optim.Adam(net.parameters(), lr=5e-3)
for e in range(8):
    print(e, run_epoch(net, opt))
