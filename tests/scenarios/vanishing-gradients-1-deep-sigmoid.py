# framework: pytorch
# kind: faulty
# cause: vanishing-gradients
# also: bad-initialization
# data: image
# story: ten sigmoid layers, of which the first ones get no gradient
# loss: F.cross_entropy on logits
# holdout: yes

# %% setup
import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits
from torch import nn, optim

torch.manual_seed(0)
X, y = load_digits(return_X_y=True)
X = torch.from_numpy(X).float().div_(16)
y = torch.from_numpy(y)
perm = torch.randperm(len(y))
n_train = 1300
X_tr, y_tr = X[perm[:n_train]], y[perm[:n_train]]
X_te, y_te = X[perm[n_train:]], y[perm[n_train:]]


def mlp(depth, width=40, act=nn.Sigmoid):
    blocks = [nn.Linear(64, width), act()]
    for _ in range(depth - 1):
        blocks += [nn.Linear(width, width), act()]
    blocks.append(nn.Linear(width, 10))
    return nn.Sequential(*blocks)


# %% train
deep = mlp(depth=10)
opt = optim.SGD(deep.parameters(), lr=0.1, momentum=0.9)
bs = 50
for ep in range(20):
    perm = torch.randperm(n_train)
    for k in range(0, n_train, bs):
        ix = perm[k : k + bs]
        loss = F.cross_entropy(deep(X_tr[ix]), y_tr[ix])
        opt.zero_grad()
        loss.backward()
        opt.step()
    if ep % 4 == 0:
        print("epoch", ep, "loss", float(loss))  # stuck at ~2.3

# %% verify
with torch.no_grad():
    outputs = deep(X_te)
predicted = outputs.argmax(1).numpy()
actual = y_te.numpy()

# %% fix train
deep = mlp(depth=10, act=nn.ReLU)
for layer in deep:
    if isinstance(layer, nn.Linear):
        nn.init.kaiming_normal_(layer.weight)
        nn.init.zeros_(layer.bias)
opt = optim.SGD(deep.parameters(), lr=0.02, momentum=0.9)
bs = 50
for ep in range(20):
    perm = torch.randperm(n_train)
    for k in range(0, n_train, bs):
        ix = perm[k : k + bs]
        loss = F.cross_entropy(deep(X_tr[ix]), y_tr[ix])
        opt.zero_grad()
        loss.backward()
        opt.step()
    if ep % 4 == 0:
        print("epoch", ep, "loss", float(loss))  # stuck at ~2.3
