# framework: pytorch
# kind: faulty
# cause: missing-zero-grad
# also: learning-rate-too-high, exploding-gradients
# data: image
# story: the gradients are cleared once an epoch instead of once a step
# loss: F.cross_entropy in a class of an earlier cell
# holdout: yes

# %% setup
import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits
from torch import nn

torch.manual_seed(101)
raw = load_digits()
inputs = torch.tensor(raw.data / 16, dtype=torch.float32)
targets = torch.tensor(raw.target)
mix = torch.randperm(len(targets))
inputs, targets = inputs[mix], targets[mix]


class Experiment:
    """keeps everything of a run together"""

    def __init__(self, lr):
        self.net = nn.Sequential(
            nn.Linear(64, 40), nn.ReLU(), nn.Linear(40, 40), nn.ReLU(), nn.Linear(40, 10)
        )
        self.opt = torch.optim.SGD(self.net.parameters(), lr=lr, momentum=0.9)
        self.curve = []

    def epoch(self, x, y, batch=28):
        self.net.train()
        self.opt.zero_grad()
        for xb, yb in zip(x.split(batch), y.split(batch)):
            loss = F.cross_entropy(self.net(xb), yb)
            loss.backward()
            self.opt.step()
            self.curve.append(loss.item())

    @torch.no_grad()
    def score(self, x, y):
        self.net.eval()
        return (self.net(x).argmax(1) == y).float().mean().item()


# %% train
exp = Experiment(lr=0.1)
for n in range(10):
    exp.epoch(inputs[:1400], targets[:1400])
    print(n, f"{sum(exp.curve[-50:]) / 50:.3f}", exp.score(inputs[1400:], targets[1400:]))

# %% verify
with torch.no_grad():
    outputs = exp.net(inputs[1400:])
predicted = outputs.argmax(1).numpy()
actual = targets[1400:].numpy()

# %% fix setup
import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits
from torch import nn

torch.manual_seed(101)
raw = load_digits()
inputs = torch.tensor(raw.data / 16, dtype=torch.float32)
targets = torch.tensor(raw.target)
mix = torch.randperm(len(targets))
inputs, targets = inputs[mix], targets[mix]


class Experiment:
    """keeps everything of a run together"""

    def __init__(self, lr):
        self.net = nn.Sequential(
            nn.Linear(64, 40), nn.ReLU(), nn.Linear(40, 40), nn.ReLU(), nn.Linear(40, 10)
        )
        self.opt = torch.optim.SGD(self.net.parameters(), lr=lr, momentum=0.9)
        self.curve = []

    def epoch(self, x, y, batch=28):
        self.net.train()
        for xb, yb in zip(x.split(batch), y.split(batch)):
            self.opt.zero_grad()
            loss = F.cross_entropy(self.net(xb), yb)
            loss.backward()
            self.opt.step()
            self.curve.append(loss.item())

    @torch.no_grad()
    def score(self, x, y):
        self.net.eval()
        return (self.net(x).argmax(1) == y).float().mean().item()
