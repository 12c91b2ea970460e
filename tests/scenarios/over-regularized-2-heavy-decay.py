# framework: pytorch
# kind: faulty
# cause: over-regularized
# data: tabular
# story: the weight decay of 2 is meant as a percentage
# loss: nn.BCEWithLogitsLoss in the loop
# fast: yes
# holdout: no

# %% setup
import torch
from sklearn.datasets import load_breast_cancer
from sklearn.preprocessing import StandardScaler
from torch import nn

torch.manual_seed(17)
cancer = load_breast_cancer()
X = torch.tensor(StandardScaler().fit_transform(cancer.data), dtype=torch.float32)
y = torch.tensor(cancer.target, dtype=torch.float32)
picks = torch.randperm(len(y))
train, test = picks[:420], picks[420:]
settings = {"lr": 0.02, "weight_decay": 2.0, "width": 24, "epochs": 25}

# %% train
clf = nn.Sequential(
    nn.Linear(30, settings["width"]),
    nn.ReLU(),
    nn.Linear(settings["width"], settings["width"]),
    nn.ReLU(),
    nn.Linear(settings["width"], 1),
)
bce = nn.BCEWithLogitsLoss()
optim = torch.optim.SGD(clf.parameters(), lr=settings["lr"], weight_decay=settings["weight_decay"])
for epoch in range(settings["epochs"]):
    for part in train[torch.randperm(len(train))].split(21):
        optim.zero_grad()
        error = bce(clf(X[part]).squeeze(-1), y[part])
        error.backward()
        optim.step()
    if epoch % 5 == 0:
        print(epoch, error.item())

# %% verify
with torch.no_grad():
    outputs = clf(X[test]).squeeze(-1)
predicted = (outputs > 0).int().numpy()
actual = y[test].int().numpy()

# %% fix setup
import torch
from sklearn.datasets import load_breast_cancer
from sklearn.preprocessing import StandardScaler
from torch import nn

torch.manual_seed(17)
cancer = load_breast_cancer()
X = torch.tensor(StandardScaler().fit_transform(cancer.data), dtype=torch.float32)
y = torch.tensor(cancer.target, dtype=torch.float32)
picks = torch.randperm(len(y))
train, test = picks[:420], picks[420:]
settings = {"lr": 0.02, "weight_decay": 0.02, "width": 24, "epochs": 25}
