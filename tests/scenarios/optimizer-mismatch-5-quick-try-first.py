# framework: pytorch
# kind: faulty
# cause: optimizer-mismatch
# data: tabular
# story: a quick try with a small model, which stays in a list; the final model is trained with the optimizer of the small one
# loss: F.cross_entropy in a function of an earlier cell
# holdout: no

# %% setup
import torch
import torch.nn.functional as F
from sklearn.datasets import load_wine
from torch import nn

torch.manual_seed(1)
wine = load_wine()
X = torch.tensor(wine.data, dtype=torch.float32)
X = (X - X.mean(0)) / X.std(0)
Y = torch.tensor(wine.target)
p = torch.randperm(178)
X, Y = X[p], Y[p]


class Net(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.hidden = nn.Linear(13, width)
        self.out = nn.Linear(width, 3)

    def forward(self, t):
        return self.out(F.relu(self.hidden(t)))


def fit(net, opt, epochs):
    for epoch in range(epochs):
        for i in torch.randperm(120).split(10):
            opt.zero_grad()
            loss = F.cross_entropy(net(X[i]), Y[i])
            loss.backward()
            opt.step()
        if epoch % 10 == 9:
            print(f"  {epoch + 1}: {loss.item():.3f}")
    return loss.item()


tried = [Net(8)]
opt = torch.optim.SGD(tried[0].parameters(), lr=0.05)
print("quick try:", fit(tried[0], opt, 2))

# %% final
net = Net(32)

# %% train
print("final:", fit(net, opt, 40))  # a larger one should not be worse?!

# %% verify
with torch.no_grad():
    predicted = net(X[120:]).argmax(1).numpy()
actual = Y[120:].numpy()

# %% fix final
net = Net(32)
opt = torch.optim.SGD(net.parameters(), lr=0.05)
