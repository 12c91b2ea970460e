# framework: pytorch
# kind: faulty
# cause: vanishing-gradients
# data: tabular
# story: eight sigmoid layers from tensors made by hand
# loss: F.cross_entropy
# holdout: no

# %% setup
import torch
import torch.nn.functional as F

torch.manual_seed(0)
X = torch.randn(2000, 6)
Y = (X[:, 0] + X[:, 1] > 0).long() + (X[:, 2] > 0.6).long()
sizes = [6, 24, 24, 24, 24, 24, 24, 24, 3]
W = [torch.randn(a, b) / a**0.5 for a, b in zip(sizes, sizes[1:])]
B = [torch.zeros(b) for b in sizes[1:]]
for t in W + B:
    t.requires_grad_()

# %% act
act = torch.sigmoid

# %% train
opt = torch.optim.SGD(W + B, lr=0.1)


def forward(h):
    for w, b in zip(W[:-1], B[:-1]):
        h = act(h @ w + b)
    return h @ W[-1] + B[-1]


for epoch in range(20):
    for i in torch.randperm(1600).split(32):
        loss = F.cross_entropy(forward(X[i]), Y[i])
        opt.zero_grad()
        loss.backward()
        opt.step()
    print(epoch, loss.item())

# %% verify
predicted = forward(X[1600:]).argmax(1).numpy()
actual = Y[1600:].numpy()

# %% fix act
act = torch.relu
