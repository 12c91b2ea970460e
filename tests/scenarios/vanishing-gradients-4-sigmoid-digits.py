# framework: pytorch
# kind: faulty
# cause: vanishing-gradients
# also: bad-initialization
# data: image
# story: eight sigmoid layers in a class that people copy from a course
# loss: nn.CrossEntropyLoss() in a DataLoader loop
# holdout: yes

# %% setup
import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(41)
X, y = load_digits(return_X_y=True)
X = torch.tensor((X - 8) / 8, dtype=torch.float32)
y = torch.tensor(y)
r = torch.randperm(len(X))
train_dl = DataLoader(TensorDataset(X[r[:1400]], y[r[:1400]]), batch_size=20, shuffle=True)
Xv, yv = X[r[1400:]], y[r[1400:]]


class DeepNet(nn.Module):
    def __init__(self, sizes):
        super().__init__()
        self.hidden = nn.ModuleList(nn.Linear(a, b) for a, b in zip(sizes[:-2], sizes[1:-1]))
        self.out = nn.Linear(sizes[-2], sizes[-1])
        self.act = nn.Sigmoid()

    def forward(self, x):
        for layer in self.hidden:
            x = self.act(layer(x))
        return self.out(x)


# %% train
net = DeepNet([64, 50, 50, 50, 50, 50, 50, 50, 50, 10])
optimizer = torch.optim.SGD(net.parameters(), lr=0.05)
loss_fn = nn.CrossEntropyLoss()
for epoch in range(12):
    for xb, yb in train_dl:
        optimizer.zero_grad()
        loss = loss_fn(net(xb), yb)
        loss.backward()
        optimizer.step()
    with torch.no_grad():
        print(epoch, loss.item(), (net(Xv).argmax(1) == yv).float().mean().item())

# %% verify
with torch.no_grad():
    outputs = net(Xv)
predicted = outputs.argmax(1).numpy()
actual = yv.numpy()

# %% fix setup
import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(41)
X, y = load_digits(return_X_y=True)
X = torch.tensor((X - 8) / 8, dtype=torch.float32)
y = torch.tensor(y)
r = torch.randperm(len(X))
train_dl = DataLoader(TensorDataset(X[r[:1400]], y[r[:1400]]), batch_size=20, shuffle=True)
Xv, yv = X[r[1400:]], y[r[1400:]]


class DeepNet(nn.Module):
    def __init__(self, sizes):
        super().__init__()
        self.hidden = nn.ModuleList(nn.Linear(a, b) for a, b in zip(sizes[:-2], sizes[1:-1]))
        for layer in self.hidden:
            nn.init.kaiming_uniform_(layer.weight, nonlinearity="relu")
        self.out = nn.Linear(sizes[-2], sizes[-1])
        self.act = nn.ReLU()

    def forward(self, x):
        for layer in self.hidden:
            x = self.act(layer(x))
        return self.out(x)
