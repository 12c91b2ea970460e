# framework: pytorch
# kind: healthy
# data: tabular
# story: online learning with batches of a single sample
# loss: F.cross_entropy on one row at a time
# holdout: no

# %% setup
import torch
import torch.nn.functional as F
from sklearn.datasets import load_iris
from torch import nn

torch.manual_seed(14)
iris = load_iris()
X = torch.tensor(iris.data, dtype=torch.float32)
X = (X - X.mean(0)) / X.std(0)
y = torch.tensor(iris.target)
order = torch.randperm(150)
train, test = order[:110], order[110:]

# %% train
net = nn.Sequential(nn.Linear(4, 12), nn.ReLU(), nn.Linear(12, 3))
sgd = torch.optim.SGD(net.parameters(), lr=0.02)
for sweep in range(10):
    for i in train[torch.randperm(len(train))]:
        sgd.zero_grad()
        loss = F.cross_entropy(net(X[i][None]), y[i][None])
        loss.backward()
        sgd.step()
    with torch.no_grad():
        print(sweep, F.cross_entropy(net(X[test]), y[test]).item())

# %% verify
with torch.no_grad():
    outputs = net(X[test])
predicted = outputs.argmax(1).numpy()
actual = y[test].numpy()
