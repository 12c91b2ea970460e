# framework: pytorch
# kind: faulty
# cause: label-shape-broadcast
# data: tabular
# story: outputs (N, 1) against labels (N,) in a loss written by hand make an N x N loss
# loss: binary cross entropy by hand, with torch.log
# holdout: no
# fast: yes

# %% setup
import torch
from sklearn.datasets import load_breast_cancer
from torch import nn

torch.manual_seed(11)
X, y = load_breast_cancer(return_X_y=True)
X = torch.tensor(X, dtype=torch.float32)
X = (X - X.mean(0)) / X.std(0)
y = torch.tensor(y, dtype=torch.float32)
shuffled = torch.randperm(len(X))
X, y = X[shuffled], y[shuffled]
X_train, y_train, X_val, y_val = X[:400], y[:400], X[400:], y[400:]

eps = 1e-7


def my_bce(p, t):
    p = p.clamp(eps, 1 - eps)
    return -(t * torch.log(p) + (1 - t) * torch.log(1 - p)).mean()


class Tumor(nn.Module):
    def __init__(self):
        super().__init__()
        self.l1 = nn.Linear(30, 16)
        self.l2 = nn.Linear(16, 1)

    def forward(self, x):
        return torch.sigmoid(self.l2(torch.relu(self.l1(x))))


# %% train
net = Tumor()
optimizer = torch.optim.Adam(net.parameters(), lr=0.01)
losses = []
for epoch in range(25):
    for i in range(0, len(X_train), 40):
        xb, yb = X_train[i : i + 40], y_train[i : i + 40]
        pred = net(xb)
        loss = my_bce(pred, yb)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    if epoch % 5 == 4:
        with torch.no_grad():
            p = net(X_val).squeeze(1)
        print(f"epoch {epoch + 1} loss {loss.item():.3f} val p {p.min():.3f}..{p.max():.3f}")

# %% verify
with torch.no_grad():
    outputs = net(X_val).squeeze(1).numpy()
predicted = (outputs > 0.5).astype(int)
actual = y_val.numpy().astype(int)

# %% fix train
net = Tumor()
optimizer = torch.optim.Adam(net.parameters(), lr=0.01)
losses = []
for epoch in range(25):
    for i in range(0, len(X_train), 40):
        xb, yb = X_train[i : i + 40], y_train[i : i + 40]
        pred = net(xb)
        loss = my_bce(pred.squeeze(1), yb)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    if epoch % 5 == 4:
        with torch.no_grad():
            p = net(X_val).squeeze(1)
        print(f"epoch {epoch + 1} loss {loss.item():.3f} val p {p.min():.3f}..{p.max():.3f}")
