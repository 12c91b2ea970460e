# framework: pytorch
# kind: faulty
# cause: constant-output
# also: single-class-predictions, not-learning
# data: tabular
# story: a layer norm over a single unit makes zero of whatever the network says
# loss: F.binary_cross_entropy_with_logits in a method of a class
# holdout: no

# %% setup
import torch
import torch.nn.functional as F
from sklearn.datasets import load_breast_cancer
from sklearn.preprocessing import StandardScaler
from torch import nn

torch.manual_seed(74)
cancer = load_breast_cancer()
rows = torch.randperm(len(cancer.target))
X = torch.tensor(StandardScaler().fit_transform(cancer.data), dtype=torch.float32)[rows]
y = torch.tensor(cancer.target, dtype=torch.float32)[rows]


# %% model
def block(n_in, n_out):
    return nn.Sequential(nn.Linear(n_in, n_out), nn.LayerNorm(n_out))


class Score(nn.Module):
    def __init__(self, inputs):
        super().__init__()
        self.one = block(inputs, 24)
        self.two = block(24, 12)
        self.out = block(12, 1)

    def forward(self, x):
        x = F.gelu(self.one(x))
        x = F.gelu(self.two(x))
        return self.out(x).squeeze(1)

    def training_step(self, x, y):
        return F.binary_cross_entropy_with_logits(self(x), y)


# %% train
net = Score(30)
optimizer = torch.optim.AdamW(net.parameters(), lr=1e-3)
for epoch in range(14):
    epoch_loss = 0.0
    for batch in torch.randperm(400).split(20):
        optimizer.zero_grad()
        loss = net.training_step(X[batch], y[batch])
        loss.backward()
        optimizer.step()
        epoch_loss += loss.item() / 20
    with torch.no_grad():
        p = torch.sigmoid(net(X[400:]))
    print(f"{epoch}: {epoch_loss:.4f}   p from {p.min():.3f} to {p.max():.3f}")

# %% verify
predicted = (p > 0.5).int().numpy()
actual = y[400:].int().numpy()


# %% fix model
def block(n_in, n_out):
    return nn.Sequential(nn.Linear(n_in, n_out), nn.LayerNorm(n_out))


class Score(nn.Module):
    def __init__(self, inputs):
        super().__init__()
        self.one = block(inputs, 24)
        self.two = block(24, 12)
        self.out = nn.Linear(12, 1)

    def forward(self, x):
        x = F.gelu(self.one(x))
        x = F.gelu(self.two(x))
        return self.out(x).squeeze(1)

    def training_step(self, x, y):
        return F.binary_cross_entropy_with_logits(self(x), y)
