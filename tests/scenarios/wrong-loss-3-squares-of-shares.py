# framework: pytorch
# kind: faulty
# cause: wrong-loss
# also: undertrained, learning-rate-too-low, not-learning
# data: image
# story: the squared distance between softmax and one-hot over fifty classes starts on a plain without slope
# loss: nn.MSELoss() between softmax outputs and one-hot labels
# holdout: no

# %% setup
import torch
import torch.nn.functional as F
from torch import nn

torch.manual_seed(97)
STAMPS = 50
designs = (torch.rand(STAMPS, 1, 8, 8) < 0.5).float()


def scans(n):
    which = torch.randint(STAMPS, (n,))
    return designs[which] + 0.3 * torch.randn(n, 1, 8, 8), which


x, which = scans(3000)
x_new, which_new = scans(800)

# %% criterion
mse = nn.MSELoss()


def criterion(logits, which):
    return mse(F.softmax(logits, dim=1), F.one_hot(which, STAMPS).float())


# %% train
net = nn.Sequential(
    nn.Conv2d(1, 8, 3),
    nn.ReLU(),
    nn.Flatten(),
    nn.Linear(288, 64),
    nn.ReLU(),
    nn.Linear(64, STAMPS),
)
optimizer = torch.optim.SGD(net.parameters(), lr=0.05, momentum=0.9)
for epoch in range(8):
    for rows in torch.randperm(len(x)).split(50):
        optimizer.zero_grad()
        loss = criterion(net(x[rows]), which[rows])
        loss.backward()
        optimizer.step()
    with torch.no_grad():
        found = net(x_new).argmax(1)
    print(f"{epoch}: mse {loss.item():.5f}, accuracy {(found == which_new).float().mean():.3f}")

# %% verify
predicted = found.numpy()
actual = which_new.numpy()


# %% fix criterion
def criterion(logits, which):
    return F.cross_entropy(logits, which)
