# framework: pytorch
# kind: faulty
# cause: unscaled-inputs
# also: dead-relu
# data: tabular
# story: areas in the thousands beside smoothness in thousandths, as they come
# loss: F.binary_cross_entropy_with_logits in a function of an earlier cell
# fast: yes
# holdout: no

# %% setup
import numpy as np
import torch
import torch.nn.functional as F
from sklearn.datasets import load_breast_cancer
from sklearn.model_selection import train_test_split
from torch import nn

torch.manual_seed(19)
bunch = load_breast_cancer()
split = train_test_split(bunch.data, bunch.target, test_size=0.3, random_state=19)
X_train, X_test, y_train, y_test = (torch.tensor(np.asarray(a), dtype=torch.float32) for a in split)


def loss_on(model, x, y):
    return F.binary_cross_entropy_with_logits(model(x)[:, 0], y)


def predict(model, x):
    with torch.no_grad():
        return (model(x)[:, 0] > 0).long()


# %% train
model = nn.Sequential(nn.Linear(30, 20), nn.ReLU(), nn.Linear(20, 10), nn.ReLU(), nn.Linear(10, 1))
sgd = torch.optim.SGD(model.parameters(), lr=0.01)
for epoch in range(30):
    for rows in torch.randperm(len(X_train)).split(20):
        sgd.zero_grad()
        loss = loss_on(model, X_train[rows], y_train[rows])
        loss.backward()
        sgd.step()
    if epoch % 6 == 0:
        print(epoch, loss.item(), predict(model, X_test).float().mean().item())

# %% verify
predicted = predict(model, X_test).numpy()
actual = y_test.numpy().astype(int)

# %% fix setup
import numpy as np
import torch
import torch.nn.functional as F
from sklearn.datasets import load_breast_cancer
from sklearn.model_selection import train_test_split
from torch import nn

torch.manual_seed(19)
bunch = load_breast_cancer()
data = (bunch.data - bunch.data.mean(0)) / bunch.data.std(0)
split = train_test_split(data, bunch.target, test_size=0.3, random_state=19)
X_train, X_test, y_train, y_test = (torch.tensor(np.asarray(a), dtype=torch.float32) for a in split)


def loss_on(model, x, y):
    return F.binary_cross_entropy_with_logits(model(x)[:, 0], y)


def predict(model, x):
    with torch.no_grad():
        return (model(x)[:, 0] > 0).long()
