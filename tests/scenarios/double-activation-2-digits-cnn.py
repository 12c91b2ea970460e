# framework: pytorch
# kind: faulty
# cause: double-activation
# data: image
# story: the network ends in a softmax and cross entropy applies another one
# loss: F.cross_entropy in a helper function of an earlier cell
# holdout: no
# fast: yes

# %% setup
import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import load_digits

torch.manual_seed(1)
digits = load_digits()
images = torch.tensor(digits.images, dtype=torch.float32).unsqueeze(1) / 16.0
labels = torch.tensor(digits.target)
perm = torch.randperm(len(labels))
tr, va = perm[:1400], perm[1400:]


class ConvNet(nn.Module):
    """two conv layers like in the tutorial"""

    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 8, 3, padding=1)
        self.conv2 = nn.Conv2d(8, 16, 3, padding=1)
        self.fc1 = nn.Linear(16 * 2 * 2, 64)
        self.fc2 = nn.Linear(64, 10)

    def forward(self, x):
        x = F.max_pool2d(F.relu(self.conv1(x)), 2)
        x = F.max_pool2d(F.relu(self.conv2(x)), 2)
        x = F.relu(self.fc1(x.flatten(1)))
        return F.softmax(self.fc2(x), dim=1)


def train_epoch(model, optimizer, batch_size=50):
    model.train()
    total = 0.0
    order = tr[torch.randperm(len(tr))]
    for i in range(0, len(order), batch_size):
        idx = order[i : i + batch_size]
        optimizer.zero_grad()
        out = model(images[idx])
        loss = F.cross_entropy(out, labels[idx])
        loss.backward()
        optimizer.step()
        total += loss.item() * len(idx)
    return total / len(order)


@torch.no_grad()
def accuracy(model, idx):
    model.eval()
    return (model(images[idx]).argmax(1) == labels[idx]).float().mean().item()


# %% train
model = ConvNet()
optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)
for epoch in range(6):
    tl = train_epoch(model, optimizer)
    print(f"{epoch + 1:2d} loss {tl:.3f} val acc {accuracy(model, va):.3f}")

# %% verify
model.eval()
with torch.no_grad():
    outputs = model(images[va])
predicted = outputs.argmax(1).numpy()
actual = labels[va].numpy()

# %% fix setup
import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import load_digits

torch.manual_seed(1)
digits = load_digits()
images = torch.tensor(digits.images, dtype=torch.float32).unsqueeze(1) / 16.0
labels = torch.tensor(digits.target)
perm = torch.randperm(len(labels))
tr, va = perm[:1400], perm[1400:]


class ConvNet(nn.Module):
    """two conv layers like in the tutorial"""

    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 8, 3, padding=1)
        self.conv2 = nn.Conv2d(8, 16, 3, padding=1)
        self.fc1 = nn.Linear(16 * 2 * 2, 64)
        self.fc2 = nn.Linear(64, 10)

    def forward(self, x):
        x = F.max_pool2d(F.relu(self.conv1(x)), 2)
        x = F.max_pool2d(F.relu(self.conv2(x)), 2)
        x = F.relu(self.fc1(x.flatten(1)))
        return self.fc2(x)


def train_epoch(model, optimizer, batch_size=50):
    model.train()
    total = 0.0
    order = tr[torch.randperm(len(tr))]
    for i in range(0, len(order), batch_size):
        idx = order[i : i + batch_size]
        optimizer.zero_grad()
        out = model(images[idx])
        loss = F.cross_entropy(out, labels[idx])
        loss.backward()
        optimizer.step()
        total += loss.item() * len(idx)
    return total / len(order)


@torch.no_grad()
def accuracy(model, idx):
    model.eval()
    return (model(images[idx]).argmax(1) == labels[idx]).float().mean().item()
