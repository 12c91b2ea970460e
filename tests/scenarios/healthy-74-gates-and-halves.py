# framework: pytorch
# kind: healthy
# data: tabular
# story: one half is a threshold of probabilities, of a gate inside of the model and of the inputs, and zero one of logits
# loss: F.binary_cross_entropy_with_logits in a function that gives back the logits
# holdout: no

# %% setup
import torch
import torch.nn.functional as F
from torch import nn

torch.manual_seed(29)
N = 4000
soil = torch.rand(N, 6)
dry = ((soil[:, 0] > 0.5) != (soil[:, 1] + 0.3 * soil[:, 2] > 0.6)).float()
flip = torch.rand(N) < 0.05
dry = torch.where(flip, 1 - dry, dry)
old, new = slice(0, 3200), slice(3200, N)


class Sensors(nn.Module):
    """drops what it does not believe"""

    def __init__(self):
        super().__init__()
        self.register_buffer("believe", torch.ones(6))
        self.body = nn.Sequential(nn.Linear(6, 32), nn.ReLU(), nn.Linear(32, 32), nn.ReLU())
        self.head = nn.Linear(32, 1)

    def forward(self, x):
        kept = (torch.sigmoid(self.believe) > 0.5).float()
        return self.head(self.body(x * kept)).squeeze(1)


# %% helpers
def shares(net, rows):
    with torch.no_grad():
        logits = net(soil[rows])
    chance = torch.sigmoid(logits)
    both = torch.stack([1 - chance, chance], dim=1)
    assert torch.equal(both.argmax(1), (logits > 0).long())
    return (chance > 0.5).float()


def one_batch(net, rows):
    logits = net(soil[rows])
    return F.binary_cross_entropy_with_logits(logits, dry[rows]), logits


# %% train
net = Sensors()
optimizer = torch.optim.Adam(net.parameters(), lr=5e-3)
for epoch in range(12):
    right = 0
    for rows in torch.randperm(3200).split(64):
        loss, logits = one_batch(net, rows)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        right += ((logits.sigmoid().round() == dry[rows]).sum()).item()
    print(epoch, f"{right / 3200:.3f}", (shares(net, new) == dry[new]).float().mean().item())

# %% verify
predicted = shares(net, new).long().numpy()
actual = dry[new].long().numpy()
