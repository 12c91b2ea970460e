# framework: pytorch
# kind: faulty
# cause: over-regularized
# also: constant-output, not-learning
# data: image
# story: Adam with a weight decay of 1, which is added to every gradient
# loss: nn.CrossEntropyLoss() in the cell
# holdout: no

# %% setup
import torch
from sklearn.datasets import load_digits
from torch import nn

torch.manual_seed(0)
digits = load_digits()
order = torch.randperm(1797)
x = torch.tensor(digits.images, dtype=torch.float32)[order].unsqueeze(1) / 16
y = torch.tensor(digits.target)[order]

# %% config
cfg = {"lr": 1e-3, "weight_decay": 1.0}  # as in the paper (they use AdamW)

# %% train
net = nn.Sequential(
    nn.Conv2d(1, 16, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(144, 10)
)
opt = torch.optim.Adam(net.parameters(), **cfg)
ce = nn.CrossEntropyLoss()
for epoch in range(8):
    for rows in torch.randperm(1400).split(28):
        opt.zero_grad()
        loss = ce(net(x[rows]), y[rows])
        loss.backward()
        opt.step()
    print(epoch, loss.item())

# %% verify
with torch.no_grad():
    predicted = net(x[1400:]).argmax(1).numpy()
actual = y[1400:].numpy()

# %% fix config
cfg = {"lr": 1e-3, "weight_decay": 1e-4}
