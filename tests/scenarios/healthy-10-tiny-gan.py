# framework: pytorch
# kind: healthy
# data: tabular
# story: a GAN: batches of all ones and all zeros, two optimizers, a loss that stays at ln 2
# loss: nn.BCEWithLogitsLoss(), called three times a step
# holdout: yes

# %% setup
import torch
from torch import nn

torch.manual_seed(0)
real_data = torch.randn(4000, 2) * torch.tensor([0.5, 0.2]) + torch.tensor([2.0, -1.0])
G = nn.Sequential(nn.Linear(4, 24), nn.ReLU(), nn.Linear(24, 2))
D = nn.Sequential(nn.Linear(2, 24), nn.LeakyReLU(0.2), nn.Linear(24, 1))
opt_g = torch.optim.Adam(G.parameters(), lr=2e-3, betas=(0.5, 0.99))
opt_d = torch.optim.Adam(D.parameters(), lr=2e-3, betas=(0.5, 0.99))
bce = nn.BCEWithLogitsLoss()

# %% train
ones, zeros = torch.ones(64, 1), torch.zeros(64, 1)
for it in range(800):
    real = real_data[torch.randint(0, 4000, (64,))]
    fake = G(torch.randn(64, 4))
    opt_d.zero_grad()
    loss_d = bce(D(real), ones) + bce(D(fake.detach()), zeros)
    loss_d.backward()
    opt_d.step()

    opt_g.zero_grad()
    loss_g = bce(D(fake), ones)
    loss_g.backward()
    opt_g.step()
    if it % 100 == 0:
        print(it, loss_d.item(), loss_g.item())

# %% verify
with torch.no_grad():
    outputs = G(torch.randn(2000, 4, generator=torch.Generator().manual_seed(1)))
# how near the centre came to the real one, of the way that it had to come
skill = 1 - (outputs.mean(0) - real_data.mean(0)).norm().item() / real_data.mean(0).norm().item()
