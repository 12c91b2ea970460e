# framework: pytorch
# kind: faulty
# cause: missing-class
# data: image
# story: the augmentation mirrors the pictures, and the labels left and right stay as they were
# loss: nn.CrossEntropyLoss in the loop
# fast: yes
# holdout: no

# %% setup
import numpy as np
import torch
from torch import nn

torch.manual_seed(8)
rng = np.random.default_rng(8)
SIZE = 9
NAMES = ["up", "down", "left", "right"]


def arrow(direction):
    image = np.zeros((SIZE, SIZE), dtype="float32")
    row, length = rng.integers(3, 6), rng.integers(5, 8)
    image[row, 1 : 1 + length] = 1
    for k in (1, 2):
        image[row - k, 1 + k] = image[row + k, 1 + k] = 1
    turned = {"left": image, "right": image[:, ::-1], "up": image.T, "down": image.T[::-1]}
    return turned[direction] + rng.normal(0, 0.15, (SIZE, SIZE))


which = rng.choice(4, size=5600, p=[0.24, 0.24, 0.33, 0.19])
images = np.stack([arrow(NAMES[k]) for k in which]).astype("float32")
images, which = torch.from_numpy(images), torch.from_numpy(which)
train_x, train_y, test_x, test_y = images[:5000], which[:5000], images[5000:], which[5000:]


def augment(batch):
    batch = batch + 0.05 * torch.randn_like(batch)
    mirrored = torch.rand(len(batch)) < 0.5
    return torch.where(mirrored[:, None, None], batch.flip(2), batch)


# %% train
net = nn.Sequential(nn.Flatten(), nn.Linear(SIZE * SIZE, 48), nn.ReLU(), nn.Linear(48, 4))
opt = torch.optim.Adam(net.parameters(), lr=1e-3)
criterion = nn.CrossEntropyLoss()
for epoch in range(11):
    for rows in torch.randperm(len(train_x)).split(50):
        opt.zero_grad()
        loss = criterion(net(augment(train_x[rows])), train_y[rows])
        loss.backward()
        opt.step()
    if epoch % 5 == 4:
        with torch.no_grad():
            right = (net(test_x).argmax(1) == test_y).float().mean().item()
        print(f"epoch {epoch + 1}: {loss.item():.3f}, accuracy {right:.3f}")

# %% verify
with torch.no_grad():
    answers = net(test_x).argmax(1)
horizontal = test_y >= 2
predicted = answers[horizontal].numpy()
actual = test_y[horizontal].numpy()

# %% fix setup
import numpy as np
import torch
from torch import nn

torch.manual_seed(8)
rng = np.random.default_rng(8)
SIZE = 9
NAMES = ["up", "down", "left", "right"]


def arrow(direction):
    image = np.zeros((SIZE, SIZE), dtype="float32")
    row, length = rng.integers(3, 6), rng.integers(5, 8)
    image[row, 1 : 1 + length] = 1
    for k in (1, 2):
        image[row - k, 1 + k] = image[row + k, 1 + k] = 1
    turned = {"left": image, "right": image[:, ::-1], "up": image.T, "down": image.T[::-1]}
    return turned[direction] + rng.normal(0, 0.15, (SIZE, SIZE))


which = rng.choice(4, size=5600, p=[0.24, 0.24, 0.33, 0.19])
images = np.stack([arrow(NAMES[k]) for k in which]).astype("float32")
images, which = torch.from_numpy(images), torch.from_numpy(which)
train_x, train_y, test_x, test_y = images[:5000], which[:5000], images[5000:], which[5000:]


def augment(batch):
    return batch + 0.05 * torch.randn_like(batch)
