# framework: pytorch
# kind: faulty
# cause: output-activation
# also: single-class-predictions, wrong-threshold
# data: image
# story: a softplus keeps the score above zero, where a positive score means yes
# loss: nn.BCEWithLogitsLoss() in a loop
# holdout: yes

# %% setup
import torch
import torch.nn as nn
import torch.nn.functional as F

torch.manual_seed(94)


def leaves(n):
    """10 x 10 leaves, half of them with spots"""
    ill = torch.rand(n) < 0.5
    img = 0.5 + 0.1 * torch.randn(n, 1, 10, 10)
    for k in torch.nonzero(ill).flatten():
        for _ in range(3):
            r, c = torch.randint(0, 9, (2,))
            img[k, 0, r : r + 2, c : c + 2] -= 0.35
    return img, ill.float()


x, y = leaves(1600)
x_val, y_val = leaves(500)


# %% model
class SpotNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(1, 10, 3)
        self.fc = nn.Linear(10, 16)
        self.score = nn.Linear(16, 1)

    def forward(self, x):
        h = F.softplus(self.conv(2 * x - 1), beta=5)
        h = F.softplus(self.fc(h.amax((2, 3))))
        return F.softplus(self.score(h)).squeeze(1)


# %% train
model = SpotNet()
loss_fn = nn.BCEWithLogitsLoss()
opt = torch.optim.Adam(model.parameters(), lr=5e-3)
for epoch in range(8):
    for rows in torch.randperm(len(x)).split(32):
        opt.zero_grad()
        loss = loss_fn(model(x[rows]), y[rows])
        loss.backward()
        opt.step()
    with torch.no_grad():
        ill = model(x_val) > 0
    print(
        f"epoch {epoch}: loss {loss.item():.3f}, accuracy {(ill == (y_val > 0)).float().mean():.3f}"
    )

# %% verify
predicted = ill.int().numpy()
actual = y_val.int().numpy()


# %% fix model
class SpotNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(1, 10, 3)
        self.fc = nn.Linear(10, 16)
        self.score = nn.Linear(16, 1)

    def forward(self, x):
        h = F.softplus(self.conv(2 * x - 1), beta=5)
        h = F.softplus(self.fc(h.amax((2, 3))))
        return self.score(h).squeeze(1)
