# framework: pytorch
# kind: healthy
# data: image
# story: the watched cell only evaluates: losses of a test set and of shifted copies of it, and no backward
# loss: F.cross_entropy(reduction="sum") under torch.no_grad
# holdout: yes

# %% setup
import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import load_digits

torch.manual_seed(2)
d = load_digits()
X = torch.tensor(d.images).float()[:, None] / 16
Y = torch.tensor(d.target)
net = nn.Sequential(
    nn.Conv2d(1, 16, 3, padding=1),
    nn.ReLU(),
    nn.MaxPool2d(2),
    nn.Flatten(),
    nn.Dropout(0.5),
    nn.Linear(256, 10),
)

# %% fit the model
opt = torch.optim.Adam(net.parameters(), lr=3e-3)
net.train()
for epoch in range(6):
    for i in torch.randperm(1200).split(32):
        opt.zero_grad()
        F.cross_entropy(net(X[i]), Y[i]).backward()
        opt.step()

# %% train
# robustness table: how far may we shift or dim the test images?
net.eval()
table = {}
with torch.no_grad():
    for shift in range(-4, 5):
        for gain in (0.1, 0.25, 0.5, 0.75, 1.0, 1.5):
            moved = torch.roll(X[1200:], shift, dims=-1) * gain
            loss_sum, correct = 0.0, 0
            for xb, yb in zip(moved.split(100), Y[1200:].split(100)):
                out = net(xb)
                loss_sum += F.cross_entropy(out, yb, reduction="sum").item()
                correct += (out.argmax(1) == yb).sum().item()
            table[shift, gain] = (loss_sum / 597, correct / 597)
for shift in range(-4, 5):
    print(f"{shift:+d}", *(f"{table[shift, g][1]:.2f}" for g in (0.1, 0.25, 0.5, 0.75, 1.0, 1.5)))

# %% verify
with torch.no_grad():
    outputs = net(X[1200:]).numpy()
predicted = outputs.argmax(1)
actual = Y[1200:].numpy()
