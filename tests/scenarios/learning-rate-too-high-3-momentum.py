# framework: pytorch
# kind: faulty
# cause: learning-rate-too-high
# also: dead-relu, exploding-gradients
# data: tabular
# story: a rate that was right for another optimizer throws the weights about until the units die
# loss: F.cross_entropy on logits
# holdout: no
# fast: yes

# %% setup
import torch
import torch.nn.functional as F
from sklearn.datasets import make_classification
from torch import nn

torch.manual_seed(12)
X, y = make_classification(
    3000, n_features=20, n_informative=8, n_classes=3, class_sep=1.5, random_state=12
)
X = torch.tensor(X, dtype=torch.float32)
X = (X - X.mean(0)) / X.std(0)
y = torch.tensor(y)
train, test = slice(0, 2400), slice(2400, None)

config = {"lr": 8.0, "momentum": 0.9, "epochs": 10, "batch": 60, "hidden": 40}


def make_net():
    h = config["hidden"]
    return nn.Sequential(nn.Linear(20, h), nn.ReLU(), nn.Linear(h, h), nn.ReLU(), nn.Linear(h, 3))


# %% train
net = make_net()
opt = torch.optim.SGD(net.parameters(), lr=config["lr"], momentum=config["momentum"])
Xtr, ytr = X[train], y[train]
for epoch in range(config["epochs"]):
    total = 0.0
    for idx in torch.randperm(len(Xtr)).split(config["batch"]):
        opt.zero_grad()
        loss = F.cross_entropy(net(Xtr[idx]), ytr[idx])
        loss.backward()
        opt.step()
        total += loss.item() * len(idx)
    print(f"epoch {epoch}: {total / len(Xtr):.3f}")

# %% verify
with torch.no_grad():
    outputs = net(X[test])
predicted = outputs.argmax(1).numpy()
actual = y[test].numpy()

# %% fix setup
import torch
import torch.nn.functional as F
from sklearn.datasets import make_classification
from torch import nn

torch.manual_seed(12)
X, y = make_classification(
    3000, n_features=20, n_informative=8, n_classes=3, class_sep=1.5, random_state=12
)
X = torch.tensor(X, dtype=torch.float32)
X = (X - X.mean(0)) / X.std(0)
y = torch.tensor(y)
train, test = slice(0, 2400), slice(2400, None)

config = {"lr": 0.02, "momentum": 0.9, "epochs": 10, "batch": 60, "hidden": 40}


def make_net():
    h = config["hidden"]
    return nn.Sequential(nn.Linear(20, h), nn.ReLU(), nn.Linear(h, h), nn.ReLU(), nn.Linear(h, 3))
