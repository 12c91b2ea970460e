# framework: pytorch
# kind: faulty
# cause: undertrained
# also: learning-rate-too-low
# data: tabular
# story: the counter of the early stopping is never set back, so that training ends when it has just begun
# loss: F.cross_entropy in the loop of a function
# fast: yes
# holdout: no

# %% setup
import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits
from torch import nn

torch.manual_seed(31)
data = load_digits()
order = torch.randperm(len(data.target))
X = torch.tensor(data.data / 16 - 0.3, dtype=torch.float32)[order]
y = torch.tensor(data.target)[order]
X, y, X_valid, y_valid = X[:1500], y[:1500], X[1500:], y[1500:]


class Patience:
    def __init__(self, rounds, at_least):
        self.rounds, self.at_least = rounds, at_least
        self.best, self.waited = float("inf"), 0

    def stop(self, value):
        if value < self.best - self.at_least:
            self.best = value
        else:
            self.waited += 1
        return self.waited >= self.rounds


# %% train
model = nn.Sequential(nn.Linear(64, 40), nn.Tanh(), nn.Linear(40, 10))
opt = torch.optim.SGD(model.parameters(), lr=0.004)
patience = Patience(rounds=2, at_least=0.3)
for epoch in range(60):
    for rows in torch.randperm(len(X)).split(25):
        loss = F.cross_entropy(model(X[rows]), y[rows])
        opt.zero_grad()
        loss.backward()
        opt.step()
    with torch.no_grad():
        valid = F.cross_entropy(model(X_valid), y_valid).item()
    print(f"{epoch} valid {valid:.3f}")
    if patience.stop(valid):
        print("no longer getting better")
        break

# %% verify
with torch.no_grad():
    predicted = model(X_valid).argmax(1).numpy()
actual = y_valid.numpy()

# %% fix setup
import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits
from torch import nn

torch.manual_seed(31)
data = load_digits()
order = torch.randperm(len(data.target))
X = torch.tensor(data.data / 16 - 0.3, dtype=torch.float32)[order]
y = torch.tensor(data.target)[order]
X, y, X_valid, y_valid = X[:1500], y[:1500], X[1500:], y[1500:]


class Patience:
    def __init__(self, rounds, at_least):
        self.rounds, self.at_least = rounds, at_least / 100
        self.best, self.waited = float("inf"), 0

    def stop(self, value):
        if value < self.best - self.at_least:
            self.best, self.waited = value, 0
        else:
            self.waited += 1
        return self.waited >= self.rounds
