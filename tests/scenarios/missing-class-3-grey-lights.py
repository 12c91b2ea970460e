# framework: pytorch
# kind: faulty
# cause: missing-class
# also: class-imbalance, noisy-labels
# data: image
# story: pictures of signal lamps are turned grey before training, which leaves nothing between red and green
# loss: nn.CrossEntropyLoss() in a loop over a DataLoader
# holdout: no

# %% setup
import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader, Dataset

torch.manual_seed(87)
rng = np.random.default_rng(87)
NAMES = ["off", "green", "red", "white"]
COLOUR = {"off": (0.1, 0.1, 0.1), "green": (0.1, 0.74, 0.22), "red": (0.95, 0.33, 0.12)}
COLOUR["white"] = (1.0, 1.0, 1.0)


def photograph(name):
    """one lamp somewhere in front of a dark wall, 3 x 10 x 10"""
    i, j = np.mgrid[:10, :10]
    at = rng.integers(3, 7, 2)
    disc = np.exp(-((i - at[0]) ** 2 + (j - at[1]) ** 2) / 3.0)
    light = np.array(COLOUR[name])[:, None, None] * disc * rng.uniform(0.8, 1.1)
    return (light + rng.normal(0.1, 0.05, (3, 10, 10))).astype("float32")


def to_grey(picture):
    return np.tensordot(np.array([0.299, 0.587, 0.114], "float32"), picture, 1)[None]


class Lamps(Dataset):
    def __init__(self, n, transform):
        self.y = rng.choice(4, n, p=[0.25, 0.3, 0.17, 0.28])
        self.x = [transform(photograph(NAMES[k])) for k in self.y]

    def __len__(self):
        return len(self.y)

    def __getitem__(self, i):
        return self.x[i], self.y[i]


# %% data
transform = to_grey  # a third of the memory
train_lamps, test_lamps = Lamps(2400, transform), Lamps(600, transform)
loader = DataLoader(train_lamps, batch_size=40, shuffle=True)
channels = train_lamps[0][0].shape[0]

# %% train
net = nn.Sequential(
    nn.Conv2d(channels, 8, 3), nn.ReLU(), nn.AdaptiveMaxPool2d(2), nn.Flatten(), nn.Linear(32, 4)
)
optimizer = torch.optim.Adam(net.parameters(), lr=5e-3)
criterion = nn.CrossEntropyLoss()
for epoch in range(8):
    for pictures, which in loader:
        optimizer.zero_grad()
        loss = criterion(net(pictures), which)
        loss.backward()
        optimizer.step()
    with torch.no_grad():
        seen = net(torch.tensor(np.stack(test_lamps.x))).argmax(1).numpy()
    print(
        epoch,
        {name: f"{(seen[test_lamps.y == k] == k).mean():.2f}" for k, name in enumerate(NAMES)},
    )

# %% verify
shining = (test_lamps.y == 1) | (test_lamps.y == 2)
predicted = seen[shining]
actual = test_lamps.y[shining]

# %% fix data
transform = lambda picture: picture
train_lamps, test_lamps = Lamps(2400, transform), Lamps(600, transform)
loader = DataLoader(train_lamps, batch_size=40, shuffle=True)
channels = train_lamps[0][0].shape[0]
