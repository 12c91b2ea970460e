# framework: pytorch
# kind: healthy
# data: tabular
# story: a GAN on points of a ring: batches of ones, batches of zeros, a loss that rests at ln 2
# loss: nn.BCELoss() on a sigmoid, three times a step, with two optimizers
# holdout: no

# %% setup
import math

import torch
import torch.nn as nn

torch.manual_seed(13)


def real_points(n):
    angle = torch.rand(n) * 2 * math.pi
    radius = 2.0 + 0.1 * torch.randn(n)
    return torch.stack([radius * angle.cos(), radius * angle.sin()], 1)


class Generator(nn.Module):
    def __init__(self, nz=8):
        super().__init__()
        self.main = nn.Sequential(
            nn.Linear(nz, 48),
            nn.LeakyReLU(0.2),
            nn.Linear(48, 48),
            nn.LeakyReLU(0.2),
            nn.Linear(48, 2),
        )

    def forward(self, z):
        return self.main(z)


class Discriminator(nn.Module):
    def __init__(self):
        super().__init__()
        self.main = nn.Sequential(
            nn.Linear(2, 48),
            nn.LeakyReLU(0.2),
            nn.Linear(48, 48),
            nn.LeakyReLU(0.2),
            nn.Linear(48, 1),
            nn.Sigmoid(),
        )

    def forward(self, x):
        return self.main(x).view(-1)


netG, netD = Generator(), Discriminator()
criterion = nn.BCELoss()
optimizerD = torch.optim.Adam(netD.parameters(), lr=1e-3, betas=(0.5, 0.999))
optimizerG = torch.optim.Adam(netG.parameters(), lr=1e-3, betas=(0.5, 0.999))

# %% train
B = 64
real_label, fake_label = 1.0, 0.0
for it in range(900):
    # (1) D: maximize log(D(x)) + log(1 - D(G(z)))
    netD.zero_grad()
    label = torch.full((B,), real_label)
    errD_real = criterion(netD(real_points(B)), label)
    errD_real.backward()
    fake = netG(torch.randn(B, 8))
    label.fill_(fake_label)
    errD_fake = criterion(netD(fake.detach()), label)
    errD_fake.backward()
    optimizerD.step()
    # (2) G: maximize log(D(G(z)))
    netG.zero_grad()
    label.fill_(real_label)
    errG = criterion(netD(fake), label)
    errG.backward()
    optimizerG.step()
    if it % 100 == 0:
        print(f"[{it}] Loss_D: {(errD_real + errD_fake).item():.3f} Loss_G: {errG.item():.3f}")

# %% verify
with torch.no_grad():
    outputs = netG(torch.randn(1000, 8)).numpy()
radii = (outputs**2).sum(1) ** 0.5
# share of the ring that is reached, by samples that lie near it
import numpy as np

near = outputs[np.abs(radii - 2.0) < 0.5]
sector = ((np.arctan2(near[:, 1], near[:, 0]) + np.pi) / (2 * np.pi) * 12).astype(int) % 12
covered = (np.bincount(sector, minlength=12) > 10).mean()
skill = covered * len(near) / len(outputs)
