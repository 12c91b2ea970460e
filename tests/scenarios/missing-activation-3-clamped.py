# framework: pytorch
# kind: faulty
# cause: missing-activation
# also: not-learning
# data: image
# story: BCELoss complained about outputs that are no probabilities, so they are clamped, and what is clamped has no gradient
# loss: nn.BCELoss() on clamped scores
# holdout: no

# %% setup
import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(85)
d = load_digits()
images = torch.tensor(d.images, dtype=torch.float32).unsqueeze(1) / 16
odd = torch.tensor(d.target % 2, dtype=torch.float32)
order = torch.randperm(len(odd))
images, odd = images[order], odd[order]
loader = DataLoader(TensorDataset(images[:1400], odd[:1400]), batch_size=35, shuffle=True)


# %% model
class OddNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(1, 12, 3)
        self.fc1 = nn.Linear(12 * 9, 32)
        self.fc2 = nn.Linear(32, 1)

    def forward(self, x):
        x = torch.max_pool2d(torch.relu(self.conv(x)), 2)
        x = torch.relu(self.fc1(x.flatten(1)))
        x = self.fc2(x).squeeze(1)
        return x.clamp(
            1e-7, 1 - 1e-7
        )  # RuntimeError: all elements of input should be between 0 and 1


net = OddNet()
criterion = nn.BCELoss()
optimizer = torch.optim.SGD(net.parameters(), lr=0.1, momentum=0.9)

# %% train
for epoch in range(8):
    total = 0
    for x, y in loader:
        optimizer.zero_grad()
        loss = criterion(net(x), y)
        loss.backward()
        optimizer.step()
        total += loss.item()
    print("epoch", epoch, "loss", total / len(loader))

# %% verify
with torch.no_grad():
    p = net(images[1400:])
predicted = (p > 0.5).int().numpy()
actual = odd[1400:].int().numpy()


# %% fix model
class OddNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(1, 12, 3)
        self.fc1 = nn.Linear(12 * 9, 32)
        self.fc2 = nn.Linear(32, 1)

    def forward(self, x):
        x = torch.max_pool2d(torch.relu(self.conv(x)), 2)
        x = torch.relu(self.fc1(x.flatten(1)))
        x = self.fc2(x).squeeze(1)
        return torch.sigmoid(x)


net = OddNet()
criterion = nn.BCELoss()
optimizer = torch.optim.SGD(net.parameters(), lr=0.1, momentum=0.9)
