# framework: pytorch
# kind: faulty
# cause: noisy-labels
# also: not-learning, overfitting
# data: image
# story: images and labels are shuffled one after the other, each in its own order
# loss: F.cross_entropy in a loop, in the validation as well
# holdout: yes

# %% setup
import numpy as np
import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits
from torch import nn

torch.manual_seed(2)
np.random.seed(2)
X, y = load_digits(return_X_y=True)
X = (X / 16).astype("float32")
X_test, y_test = X[1300:], y[1300:]
X, y = X[:1300], y[:1300]

np.random.shuffle(X)
np.random.shuffle(y)
X_tr, X_va = torch.tensor(X[:900]), torch.tensor(X[900:])
y_tr, y_va = torch.tensor(y[:900]), torch.tensor(y[900:])

model = nn.Sequential(nn.Linear(64, 128), nn.ReLU(), nn.Linear(128, 10))
optim = torch.optim.Adam(model.parameters(), lr=3e-3)

# %% train
for epoch in range(25):
    order = torch.randperm(900)
    for i in range(0, 900, 45):
        b = order[i : i + 45]
        loss = F.cross_entropy(model(X_tr[b]), y_tr[b])
        optim.zero_grad()
        loss.backward()
        optim.step()
    with torch.no_grad():
        out = model(X_va)
        val = F.cross_entropy(out, y_va)
    if epoch % 5 == 4:
        print(epoch + 1, loss.item(), val.item(), (out.argmax(1) == y_va).float().mean().item())

# %% verify
with torch.no_grad():
    predicted = model(torch.tensor(X_test)).argmax(1).numpy()
actual = y_test

# %% fix setup
import numpy as np
import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits
from torch import nn

torch.manual_seed(2)
np.random.seed(2)
X, y = load_digits(return_X_y=True)
X = (X / 16).astype("float32")
X_test, y_test = X[1300:], y[1300:]
X, y = X[:1300], y[:1300]

both = np.random.permutation(len(X))
X, y = X[both], y[both]
X_tr, X_va = torch.tensor(X[:900]), torch.tensor(X[900:])
y_tr, y_va = torch.tensor(y[:900]), torch.tensor(y[900:])

model = nn.Sequential(nn.Linear(64, 128), nn.ReLU(), nn.Linear(128, 10))
optim = torch.optim.Adam(model.parameters(), lr=3e-3)
