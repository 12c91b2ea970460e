# framework: pytorch
# kind: healthy
# data: tabular
# story: a moving average of the weights is kept in a copy that no optimizer holds; the model is moved after the optimizer is made
# loss: nn.CrossEntropyLoss(); validation with the copy
# holdout: yes

# %% setup
import copy

import torch
from sklearn.datasets import make_gaussian_quantiles
from torch import nn

torch.manual_seed(50)
X, y = make_gaussian_quantiles(n_samples=2500, n_features=5, n_classes=3, random_state=50)
X, y = torch.tensor(X, dtype=torch.float32), torch.tensor(y)


class EMA:
    def __init__(self, model, decay=0.98):
        self.decay = decay
        self.model = copy.deepcopy(model).eval()
        for p in self.model.parameters():
            p.requires_grad_(False)

    @torch.no_grad()
    def update(self, model):
        for mine, its in zip(self.model.state_dict().values(), model.state_dict().values()):
            if mine.dtype.is_floating_point:
                mine.mul_(self.decay).add_(its, alpha=1 - self.decay)
            else:
                mine.copy_(its)


model = nn.Sequential(
    nn.Linear(5, 64), nn.BatchNorm1d(64), nn.ReLU(), nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 3)
)
optimizer = torch.optim.Adam(model.parameters(), lr=4e-3)
model.to("cuda" if torch.cuda.is_available() else "cpu")
device = next(model.parameters()).device
X, y = X.to(device), y.to(device)

# %% train
ema = EMA(model)
criterion = nn.CrossEntropyLoss()
for epoch in range(12):
    model.train()
    for idx in torch.randperm(2000, device=device).split(50):
        optimizer.zero_grad()
        loss = criterion(model(X[idx]), y[idx])
        loss.backward()
        optimizer.step()
        ema.update(model)
    with torch.no_grad():
        val = criterion(ema.model(X[2000:]), y[2000:])
    print(f"epoch {epoch} loss {loss.item():.3f} val (ema) {val.item():.3f}")

# %% verify
with torch.no_grad():
    outputs = ema.model(X[2000:]).cpu().numpy()
predicted = outputs.argmax(1)
actual = y[2000:].cpu().numpy()
