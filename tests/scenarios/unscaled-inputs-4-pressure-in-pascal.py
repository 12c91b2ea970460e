# framework: pytorch
# kind: faulty
# cause: unscaled-inputs
# also: learning-rate-too-high, exploding-gradients, dead-relu
# data: sequence
# story: a series of air pressures in pascal, a hundred thousand each, goes into a GRU as it is
# loss: F.cross_entropy in a function of an earlier cell
# holdout: yes

# %% setup
import torch
import torch.nn.functional as F
from torch import nn

torch.manual_seed(108)


def barometer(n, hours=16):
    """rising, steady or falling pressure"""
    trend = torch.randint(3, (n,))
    start = 101_300 + 900 * torch.randn(n, 1)
    slope = (trend - 1).float()[:, None] * 55 + 10 * torch.randn(n, 1)
    return start + slope * torch.arange(hours) + 40 * torch.randn(n, hours), trend


raw, trend = barometer(1500)

# %% inputs
x = raw.unsqueeze(-1)


# %% model
class Weather(nn.Module):
    def __init__(self):
        super().__init__()
        self.gru = nn.GRU(1, 16, batch_first=True)
        self.out = nn.Linear(16, 3)

    def forward(self, x):
        return self.out(self.gru(x)[1][0])


def run(model, opt, rows):
    total = 0.0
    for batch in rows[torch.randperm(len(rows))].split(30):
        opt.zero_grad()
        loss = F.cross_entropy(model(x[batch]), trend[batch])
        loss.backward()
        opt.step()
        total += loss.item() * len(batch)
    return total / len(rows)


# %% train
model = Weather()
opt = torch.optim.Adam(model.parameters(), lr=1e-2)
for epoch in range(5):
    print(epoch, run(model, opt, torch.arange(1200)))

# %% verify
with torch.no_grad():
    outputs = model(x[1200:])
predicted = outputs.argmax(1).numpy()
actual = trend[1200:].numpy()

# %% fix inputs
x = (raw - raw[:1200].mean()) / raw[:1200].std()
x = x.unsqueeze(-1)
