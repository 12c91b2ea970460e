# framework: pytorch
# kind: faulty
# cause: low-capacity
# also: not-learning
# data: image
# story: depth and width are swapped when the network is built, so that many layers of one unit stand behind each other
# loss: F.cross_entropy in a train function
# options: --probe
# fast: yes
# holdout: no

# %% setup
import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits
from torch import nn

torch.manual_seed(63)
digits = load_digits()
order = torch.randperm(len(digits.target))
x = torch.tensor(digits.data, dtype=torch.float32)[order] / 8 - 1
y = torch.tensor(digits.target)[order]
x, y, x_val, y_val = x[:1400], y[:1400], x[1400:], y[1400:]


class MLP(nn.Module):
    def __init__(self, inputs, hidden, outputs):
        super().__init__()
        sizes = [inputs, *hidden]
        layers = []
        for a, b in zip(sizes, sizes[1:]):
            layers += [nn.Linear(a, b), nn.Tanh()]
        self.body = nn.Sequential(*layers)
        self.head = nn.Linear(sizes[-1], outputs)

    def forward(self, x):
        return self.head(self.body(x))


# %% config
width, depth = 1, 2


# %% loop
def train(model, epochs, lr=4e-3, size=28):
    opt = torch.optim.Adam(model.parameters(), lr=lr)
    for epoch in range(epochs):
        for rows in torch.randperm(len(x)).split(size):
            opt.zero_grad()
            loss = F.cross_entropy(model(x[rows]), y[rows])
            loss.backward()
            opt.step()
        with torch.no_grad():
            acc = (model(x_val).argmax(1) == y_val).float().mean().item()
        print(f"[{epoch:2d}] loss={loss.item():.3f} val_acc={acc:.3f}")


# %% train
model = MLP(64, [width] * depth, 10)
train(model, epochs=12)

# %% verify
with torch.no_grad():
    predicted = model(x_val).argmax(1).numpy()
actual = y_val.numpy()

# %% fix config
width, depth = 32, 2
