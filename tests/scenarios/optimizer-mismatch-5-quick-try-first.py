# framework: pytorch
# kind: faulty
# cause: optimizer-mismatch
# data: tabular
# story: a quick try with the first model (which stays alive in a list), then the final run with another
# loss: F.cross_entropy
# holdout: no

# %% setup
import torch
import torch.nn.functional as F
from sklearn.datasets import load_wine
from torch import nn

torch.manual_seed(1)
w = load_wine()
X = torch.tensor(w.data, dtype=torch.float32)
X = (X - X.mean(0)) / X.std(0)
Y = torch.tensor(w.target)
p = torch.randperm(178)
X, Y = X[p], Y[p]


class Net(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.a = nn.Linear(13, width)
        self.b = nn.Linear(width, 3)

    def forward(self, t):
        return self.b(F.relu(self.a(t)))


def fit(net, opt, epochs):
    for _ in range(epochs):
        for i in torch.randperm(120).split(10):
            opt.zero_grad()
            loss = F.cross_entropy(net(X[i]), Y[i])
            loss.backward()
            opt.step()
    return loss.item()


tried = [Net(8)]
opt = torch.optim.SGD(tried[0].parameters(), lr=0.05)
print("quick:", fit(tried[0], opt, 2))

# %% final
net = Net(32)

# %% train
print("final:", fit(net, opt, 40))

# %% verify
predicted = net(X[120:]).argmax(1).numpy()
actual = Y[120:].numpy()

# %% fix final
net = Net(32)
opt = torch.optim.SGD(net.parameters(), lr=0.05)
