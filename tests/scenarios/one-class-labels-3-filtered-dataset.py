# framework: pytorch
# kind: faulty
# cause: one-class-labels
# data: image
# story: the data set was cut to its first rows after it was sorted by class
# loss: nn.CrossEntropyLoss() in the cell
# fast: yes
# holdout: no

# %% setup
import numpy as np
import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.utils.data import DataLoader, Dataset

torch.manual_seed(19)
np.random.seed(19)
digits = load_digits(n_class=4)
rank = np.argsort(digits.target, kind="stable")
images, classes = digits.images[rank] / 16.0, digits.target[rank]
held = np.arange(len(images)) % 5 == 0


class Digits(Dataset):
    """The first `limit` images, to keep the epochs short."""

    def __init__(self, images, classes, limit=None):
        self.images = images[:limit]
        self.classes = classes[:limit]

    def __len__(self):
        return len(self.images)

    def __getitem__(self, i):
        return torch.tensor(self.images[i], dtype=torch.float32), int(self.classes[i])


# %% data
train_ds = Digits(images[~held], classes[~held], limit=140)
loader = DataLoader(train_ds, batch_size=14, shuffle=True)
print(len(train_ds), "images")

# %% train
net = nn.Sequential(nn.Flatten(), nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 4))
optimizer = torch.optim.Adam(net.parameters(), lr=5e-3)
loss_fn = nn.CrossEntropyLoss()
for epoch in range(15):
    seen = right = 0
    for xb, yb in loader:
        optimizer.zero_grad()
        out = net(xb)
        loss = loss_fn(out, yb)
        loss.backward()
        optimizer.step()
        right += (out.argmax(1) == yb).sum().item()
        seen += len(yb)
    if epoch % 5 == 0:
        print(f"epoch {epoch} accuracy {right / seen:.1%}")

# %% verify
test_x = torch.tensor(images[held], dtype=torch.float32)
with torch.no_grad():
    outputs = net(test_x)
predicted = outputs.argmax(1).numpy()
actual = classes[held]

# %% fix data
mix = np.random.permutation(int((~held).sum()))
train_ds = Digits(images[~held][mix], classes[~held][mix], limit=140)
loader = DataLoader(train_ds, batch_size=14, shuffle=True)
print(len(train_ds), "images")
