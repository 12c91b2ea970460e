# framework: pytorch
# kind: faulty
# cause: over-regularized
# also: constant-output, not-learning
# data: sequence
# story: the sum of all absolute weights is added to the loss with a factor that was right for their mean
# loss: nn.CrossEntropyLoss() plus a penalty by hand
# holdout: yes

# %% setup
import torch
from torch import nn

torch.manual_seed(105)


def spectra(n):
    """absorption at 40 wavelengths of four liquids"""
    liquid = torch.randint(4, (n,))
    grid = torch.arange(40.0)
    peaks = torch.tensor([[8.0, 25.0], [8.0, 31.0], [15.0, 25.0], [15.0, 31.0]])[liquid]
    x = torch.exp(-((grid - peaks[:, :1]) ** 2) / 8) + torch.exp(-((grid - peaks[:, 1:]) ** 2) / 8)
    return x + 0.2 * torch.randn(n, 40), liquid


x, liquid = spectra(2000)
x_test, liquid_test = spectra(500)


# %% model
class Spectral(nn.Module):
    def __init__(self):
        super().__init__()
        self.hidden = nn.Linear(40, 24)
        self.out = nn.Linear(24, 4)

    def forward(self, x):
        return self.out(torch.relu(self.hidden(x)))

    def sparsity(self):
        # we want to see which wavelengths matter
        return sum(p.abs().sum() for p in self.parameters())


LAMBDA = 0.05

# %% train
net = Spectral()
criterion = nn.CrossEntropyLoss()
opt = torch.optim.Adam(net.parameters(), lr=3e-3)
for epoch in range(8):
    for rows in torch.randperm(len(x)).split(40):
        opt.zero_grad()
        ce = criterion(net(x[rows]), liquid[rows])
        loss = ce + LAMBDA * net.sparsity()
        loss.backward()
        opt.step()
    print(f"epoch {epoch}: ce {ce.item():.3f}, total {loss.item():.3f}")

# %% verify
with torch.no_grad():
    outputs = net(x_test)
predicted = outputs.argmax(1).numpy()
actual = liquid_test.numpy()


# %% fix model
class Spectral(nn.Module):
    def __init__(self):
        super().__init__()
        self.hidden = nn.Linear(40, 24)
        self.out = nn.Linear(24, 4)

    def forward(self, x):
        return self.out(torch.relu(self.hidden(x)))

    def sparsity(self):
        # we want to see which wavelengths matter
        return sum(p.abs().sum() for p in self.parameters())


LAMBDA = 0.05 / 1000
