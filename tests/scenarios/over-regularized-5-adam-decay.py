# framework: pytorch
# kind: faulty
# cause: over-regularized
# data: image
# story: Adam with a weight decay of 1
# loss: nn.CrossEntropyLoss()
# holdout: no

# %% setup
import torch
from sklearn.datasets import load_digits
from torch import nn

torch.manual_seed(0)
d = load_digits()
p = torch.randperm(1797)
x = torch.tensor(d.images, dtype=torch.float32)[p].unsqueeze(1) / 16
y = torch.tensor(d.target)[p]
cfg = {"lr": 1e-3, "weight_decay": 1.0}

# %% train
net = nn.Sequential(
    nn.Conv2d(1, 16, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(144, 10)
)
opt = torch.optim.Adam(net.parameters(), **cfg)
ce = nn.CrossEntropyLoss()
for epoch in range(8):
    for i in torch.randperm(1400).split(28):
        opt.zero_grad()
        loss = ce(net(x[i]), y[i])
        loss.backward()
        opt.step()
    print(epoch, loss.item())

# %% verify
predicted = net(x[1400:]).argmax(1).numpy()
actual = y[1400:].numpy()

# %% fix setup
import torch
from sklearn.datasets import load_digits
from torch import nn

torch.manual_seed(0)
d = load_digits()
p = torch.randperm(1797)
x = torch.tensor(d.images, dtype=torch.float32)[p].unsqueeze(1) / 16
y = torch.tensor(d.target)[p]
cfg = {"lr": 1e-3, "weight_decay": 1e-4}
