# framework: pytorch
# kind: healthy
# data: image
# story: a segmentation whose borders are void (255), mostly background, and some images void altogether
# loss: nn.CrossEntropyLoss(ignore_index=255) on (N, C, H, W)
# holdout: no

# %% setup
import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.utils.data import DataLoader, Dataset

VOID = 255


class Shapes(Dataset):
    """squares (1) and discs (2) on noise; the pixels between shape and background are void"""

    def __init__(self, n, seed, size=20):
        rng = np.random.default_rng(seed)
        yy, xx = np.mgrid[:size, :size]
        self.x, self.y = [], []
        for _ in range(n):
            img = rng.normal(0, 0.3, (size, size))
            mask = np.zeros((size, size), dtype=np.int64)
            kind, r = rng.integers(1, 3), rng.integers(3, 6)
            cy, cx = rng.integers(r + 1, size - r - 1, 2)
            far = (
                np.maximum(abs(yy - cy), abs(xx - cx)) if kind == 1 else np.hypot(yy - cy, xx - cx)
            )
            img[far <= r] += 1.0 if kind == 1 else -1.0
            mask[far <= r] = kind
            mask[(far > r) & (far <= r + 1)] = VOID
            if rng.random() < 0.03:
                mask[:] = VOID  # not annotated
            self.x.append(torch.tensor(img, dtype=torch.float32)[None])
            self.y.append(torch.tensor(mask))

    def __len__(self):
        return len(self.x)

    def __getitem__(self, i):
        return self.x[i], self.y[i]


def block(i, o):
    return nn.Sequential(nn.Conv2d(i, o, 3, padding=1), nn.BatchNorm2d(o), nn.ReLU())


class TinyUNet(nn.Module):
    def __init__(self, classes=3):
        super().__init__()
        self.down, self.mid = block(1, 6), block(6, 12)
        self.up = block(18, 8)
        self.out = nn.Conv2d(8, classes, 1)

    def forward(self, x):
        a = self.down(x)
        b = F.interpolate(self.mid(F.max_pool2d(a, 2)), scale_factor=2)
        return self.out(self.up(torch.cat([a, b], 1)))


train_set, val_set = Shapes(300, 0), Shapes(60, 1)

# %% train
torch.manual_seed(0)
unet = TinyUNet()
criterion = nn.CrossEntropyLoss(ignore_index=VOID)
opt = torch.optim.Adam(unet.parameters(), lr=5e-3)
for epoch in range(4):
    unet.train()
    for img, mask in DataLoader(train_set, batch_size=8, shuffle=True):
        opt.zero_grad()
        loss = criterion(unet(img), mask)
        loss.backward()
        opt.step()
    print("epoch", epoch, "loss", loss.item())

# %% verify
unet.eval()
imgs, masks = torch.stack(val_set.x), torch.stack(val_set.y)
with torch.no_grad():
    outputs = unet(imgs)
known = masks != VOID
predicted = outputs.argmax(1)[known].numpy()
actual = masks[known].numpy()
outputs = outputs.numpy()
