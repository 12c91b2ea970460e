# framework: pytorch
# kind: faulty
# cause: not-learning
# also: noisy-labels, overfitting, constant-output, single-class-predictions
# data: sequence
# story: each window is brought to mean 0 and variance 1 by itself, and mean and variance were all that told the classes apart
# loss: nn.CrossEntropyLoss() in a method of a trainer class
# holdout: no

# %% setup
import numpy as np
import torch
from torch import nn

torch.manual_seed(92)
rng = np.random.default_rng(92)


def probe(n):
    """soil moisture over two days, in volts: dry, fresh or wet ground under the same sun"""
    ground = rng.integers(0, 3, n)
    hours = np.arange(48)
    level = np.array([0.9, 1.5, 2.1])[ground] + rng.normal(0, 0.15, n)
    day = 0.3 * np.sin(2 * np.pi * (hours + rng.integers(0, 24, (n, 1))) / 24)
    return level[:, None] + day + rng.normal(0, 0.1, (n, 48)), ground


def standardise(x):
    # tip from the forum
    return (x - x.mean(axis=1, keepdims=True)) / x.std(axis=1, keepdims=True)


# %% data
windows, ground = probe(3000)
windows = standardise(windows)
x = torch.tensor(windows, dtype=torch.float32).unsqueeze(1)
y = torch.tensor(ground)


# %% trainer
class Trainer:
    def __init__(self, net):
        self.net, self.loss = net, nn.CrossEntropyLoss()
        self.opt = torch.optim.Adam(net.parameters(), lr=2e-3)

    def fit(self, x, y, epochs, batch):
        for epoch in range(epochs):
            total = 0
            for rows in torch.randperm(len(x)).split(batch):
                self.opt.zero_grad()
                loss = self.loss(self.net(x[rows]), y[rows])
                loss.backward()
                self.opt.step()
                total += loss.item() * len(rows)
            print(f"epoch {epoch + 1} loss {total / len(x):.4f}")


# %% train
net = nn.Sequential(
    nn.Conv1d(1, 8, 7, stride=3),
    nn.ReLU(),
    nn.Flatten(),
    nn.Linear(112, 16),
    nn.ReLU(),
    nn.Linear(16, 3),
)
Trainer(net).fit(x[:2400], y[:2400], epochs=6, batch=40)

# %% verify
with torch.no_grad():
    outputs = net(x[2400:])
predicted = outputs.argmax(1).numpy()
actual = y[2400:].numpy()

# %% fix data
windows, ground = probe(3000)
windows = (windows - windows[:2400].mean()) / windows[:2400].std()
x = torch.tensor(windows, dtype=torch.float32).unsqueeze(1)
y = torch.tensor(ground)
