# framework: pytorch
# kind: healthy
# data: image
# story: contrastive pairs: the label of a row is its place in the batch, each one once
# loss: F.cross_entropy(similarities / temperature, torch.arange(n)), both ways
# holdout: no

# %% setup
import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import load_digits

torch.manual_seed(47)
img = torch.tensor(load_digits().images, dtype=torch.float32) / 16
img = img[torch.randperm(len(img))]
# match the upper half of a digit with its lower half (like image and caption)
upper, lower = img[:, :4].flatten(1), img[:, 4:].flatten(1)


def tower():
    return nn.Sequential(nn.Linear(32, 128), nn.ReLU(), nn.Linear(128, 24))


class Pairs(nn.Module):
    def __init__(self):
        super().__init__()
        self.a, self.b = tower(), tower()
        self.log_temp = nn.Parameter(torch.tensor(2.0))

    def forward(self, u, l):
        za, zb = F.normalize(self.a(u), dim=1), F.normalize(self.b(l), dim=1)
        return self.log_temp.exp() * za @ zb.T


# %% train
net = Pairs()
opt = torch.optim.Adam(net.parameters(), lr=2e-3)
for epoch in range(15):
    for idx in torch.randperm(1500).split(50):
        sim = net(upper[idx], lower[idx])
        labels = torch.arange(len(idx))
        loss = (F.cross_entropy(sim, labels) + F.cross_entropy(sim.T, labels)) / 2
        opt.zero_grad()
        loss.backward()
        opt.step()
    if epoch % 5 == 4:
        hit = (sim.argmax(1) == labels).float().mean().item()
        print(f"epoch {epoch + 1} loss {loss.item():.3f} in-batch accuracy {hit:.2f}")

# %% verify
# groups of ten pairs, which lower half belongs to which upper half?
predicted, actual = [], []
with torch.no_grad():
    for start in range(1500, 1790, 10):
        sim = net(upper[start : start + 10], lower[start : start + 10])
        predicted += sim.argmax(1).tolist()
        actual += list(range(10))
    outputs = net(upper[1500:], lower[1500:]).numpy()
