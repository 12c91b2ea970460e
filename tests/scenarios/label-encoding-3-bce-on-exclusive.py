# framework: pytorch
# kind: faulty
# cause: label-encoding
# also: labels-out-of-range, wrong-loss
# data: image
# story: the number of the digit, spread over ten outputs, is the target of a binary loss
# loss: nn.BCEWithLogitsLoss() on labels expanded to the outputs' shape
# holdout: no

# %% setup
import torch
import torch.nn as nn
from sklearn.datasets import load_digits

torch.manual_seed(6)
X, y = load_digits(return_X_y=True)
X = torch.tensor(X, dtype=torch.float32) / 16
y = torch.tensor(y)
p = torch.randperm(len(y))
X, y = X[p], y[p]

mlp = nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 10))
bce = nn.BCEWithLogitsLoss()
optimizer = torch.optim.Adam(mlp.parameters(), lr=2e-3)


def make_target(labels, like):
    # BCE complained about the shape, so
    return labels.unsqueeze(1).expand_as(like).float()


# %% train
for epoch in range(10):
    for i in range(0, 1400, 35):
        optimizer.zero_grad()
        out = mlp(X[i : i + 35])
        loss = bce(out, make_target(y[i : i + 35], out))
        loss.backward()
        optimizer.step()
    print(epoch, loss.item())  # negative?

# %% verify
with torch.no_grad():
    outputs = mlp(X[1400:])
predicted = outputs.argmax(1).numpy()
actual = y[1400:].numpy()

# %% fix setup
import torch
import torch.nn as nn
from sklearn.datasets import load_digits

torch.manual_seed(6)
X, y = load_digits(return_X_y=True)
X = torch.tensor(X, dtype=torch.float32) / 16
y = torch.tensor(y)
p = torch.randperm(len(y))
X, y = X[p], y[p]

mlp = nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 10))
bce = nn.BCEWithLogitsLoss()
optimizer = torch.optim.Adam(mlp.parameters(), lr=2e-3)


def make_target(labels, like):
    # BCE complained about the shape, so
    return torch.nn.functional.one_hot(labels, like.shape[1]).float()
