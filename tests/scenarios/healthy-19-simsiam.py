# framework: pytorch
# kind: healthy
# data: image
# story: two views of an image and a stop-gradient: no labels, a negative loss, a detach on purpose
# loss: the negative cosine similarity by hand
# holdout: yes

# %% setup
import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import load_digits

torch.manual_seed(17)
digits = load_digits()
images = torch.tensor(digits.images, dtype=torch.float32) / 16
labels = digits.target


def augment(x):
    """shift by one pixel, noise, brightness"""
    dims = [(0, 0), (0, 1), (0, -1), (1, 0), (-1, 0)]
    shifted = torch.stack([torch.roll(x, d, dims=(1, 2)) for d in dims])
    x = shifted[torch.randint(len(dims), (len(x),)), torch.arange(len(x))]
    return (x * (0.7 + 0.6 * torch.rand(len(x), 1, 1)) + 0.1 * torch.randn_like(x)).flatten(1)


class SimSiam(nn.Module):
    def __init__(self, dim=64, pred=16):
        super().__init__()
        self.encoder = nn.Sequential(
            nn.Linear(64, 128),
            nn.BatchNorm1d(128),
            nn.ReLU(),
            nn.Linear(128, dim),
            nn.BatchNorm1d(dim),
        )
        self.predictor = nn.Sequential(
            nn.Linear(dim, pred), nn.BatchNorm1d(pred), nn.ReLU(), nn.Linear(pred, dim)
        )

    def forward(self, a, b):
        z1, z2 = self.encoder(a), self.encoder(b)
        return self.predictor(z1), self.predictor(z2), z1.detach(), z2.detach()


def D(p, z):
    return -F.cosine_similarity(p, z, dim=-1).mean()


# %% train
model = SimSiam()
opt = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9, weight_decay=1e-4)
for epoch in range(16):
    total, n = 0.0, 0
    for idx in torch.randperm(1400).split(128):
        p1, p2, z1, z2 = model(augment(images[idx]), augment(images[idx]))
        loss = D(p1, z2) / 2 + D(p2, z1) / 2
        opt.zero_grad()
        loss.backward()
        opt.step()
        total, n = total + loss.item(), n + 1
    std = F.normalize(z1, dim=1).std(0).mean()
    print(f"epoch {epoch} loss {total / n:.4f} std of z {std:.4f} (1/sqrt(d) = {64**-0.5:.4f})")

# %% verify
model.eval()
with torch.no_grad():
    p1, p2, z1, z2 = model(augment(images[1400:]), augment(images[1400:]))
outputs = z1.numpy()
agreement = -(D(p1, z2) + D(p2, z1)).item() / 2  # 0 before training
variety = min(1.0, F.normalize(z1, dim=1).std(0).mean().item() * 64**0.5)
skill = agreement * variety
