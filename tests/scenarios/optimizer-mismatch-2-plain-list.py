# framework: pytorch
# kind: faulty
# cause: optimizer-mismatch
# data: tabular
# story: the layers stand in a plain list, so the optimizer is given a temperature only
# loss: nn.CrossEntropyLoss() in the cell
# holdout: no
# fast: yes

# %% setup
import torch
from torch import nn

torch.manual_seed(4)


def spirals(n, turns=0.7):
    k = torch.arange(n) % 3
    r = torch.rand(n) * 0.9 + 0.1
    a = turns * 6.2832 * r + k * 2.0944
    pts = torch.stack([r * a.cos(), r * a.sin()], 1) + 0.02 * torch.randn(n, 2)
    return pts, k


X, Y = spirals(1500)
Xv, Yv = spirals(400)

# %% model
sizes = [2, 48, 48, 3]


class DeepNet(nn.Module):
    def __init__(self, sizes):
        super().__init__()
        self.layers = []
        for n_in, n_out in zip(sizes[:-1], sizes[1:]):
            self.layers.append(nn.Linear(n_in, n_out))
        self.temperature = nn.Parameter(torch.ones(1))

    def forward(self, x):
        for layer in self.layers[:-1]:
            x = torch.tanh(layer(x))
        return self.layers[-1](x) * self.temperature


deep = DeepNet(sizes)
optimizer = torch.optim.Adam(deep.parameters(), lr=0.01)
criterion = nn.CrossEntropyLoss()

# %% train
for epoch in range(15):
    order = torch.randperm(len(X))
    total = 0.0
    for rows in order.split(50):
        optimizer.zero_grad()
        out = deep(X[rows])
        loss = criterion(out, Y[rows])
        loss.backward()
        optimizer.step()
        total += loss.item()
    if epoch % 3 == 0:
        print(f"{epoch:3d}  {total / 30:.4f}")

# %% verify
with torch.no_grad():
    outputs = deep(Xv)
predicted = outputs.argmax(1).numpy()
actual = Yv.numpy()

# %% fix model
sizes = [2, 48, 48, 3]


class DeepNet(nn.Module):
    def __init__(self, sizes):
        super().__init__()
        self.layers = nn.ModuleList()
        for n_in, n_out in zip(sizes[:-1], sizes[1:]):
            self.layers.append(nn.Linear(n_in, n_out))
        self.temperature = nn.Parameter(torch.ones(1))

    def forward(self, x):
        for layer in self.layers[:-1]:
            x = torch.tanh(layer(x))
        return self.layers[-1](x) * self.temperature


deep = DeepNet(sizes)
optimizer = torch.optim.Adam(deep.parameters(), lr=0.01)
criterion = nn.CrossEntropyLoss()
