# framework: pytorch
# kind: faulty
# cause: double-activation
# also: wrong-threshold
# data: sequence
# story: the network ends in a sigmoid, the loss has one of its own, and the prediction applies yet another
# loss: nn.BCEWithLogitsLoss() kept by a trainer class
# holdout: no

# %% setup
import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(77)
rng = np.random.default_rng(77)


def intervals(n):
    """20 times between heartbeats; regular or not"""
    irregular = rng.random(n) < 0.5
    base = rng.normal(0.8, 0.08, (n, 1))
    jitter = rng.normal(0, 1, (n, 20)) * np.where(irregular, 0.12, 0.05)[:, None]
    x = (base + jitter - 0.8) / 0.12
    return torch.tensor(x, dtype=torch.float32).unsqueeze(1), torch.tensor(irregular).float()


train_ds = TensorDataset(*intervals(2000))
test_x, test_y = intervals(500)


# %% model
class BeatNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv1d(1, 12, 3), nn.ReLU(), nn.Conv1d(12, 12, 3), nn.ReLU()
        )
        self.head = nn.Linear(12, 1)

    def forward(self, x):
        z = self.features(x).mean(-1)
        return torch.sigmoid(self.head(z)).squeeze(1)


# %% trainer
class Trainer:
    def __init__(self, model):
        self.model = model
        self.criterion = nn.BCEWithLogitsLoss()
        self.opt = torch.optim.Adam(model.parameters(), lr=3e-3)

    def run(self, loader, epochs):
        for epoch in range(epochs):
            for x, y in loader:
                self.opt.zero_grad()
                loss = self.criterion(self.model(x), y)
                loss.backward()
                self.opt.step()
            p = self.predict(test_x)
            print(epoch, f"{loss.item():.3f}", f"accuracy {(p == test_y).float().mean():.3f}")

    @torch.no_grad()
    def predict(self, x):
        return (torch.sigmoid(self.model(x)) > 0.5).float()


# %% train
trainer = Trainer(BeatNet())
trainer.run(DataLoader(train_ds, batch_size=40, shuffle=True), epochs=8)

# %% verify
predicted = trainer.predict(test_x).int().numpy()
actual = test_y.int().numpy()


# %% fix model
class BeatNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv1d(1, 12, 3), nn.ReLU(), nn.Conv1d(12, 12, 3), nn.ReLU()
        )
        self.head = nn.Linear(12, 1)

    def forward(self, x):
        z = self.features(x).mean(-1)
        return self.head(z).squeeze(1)
