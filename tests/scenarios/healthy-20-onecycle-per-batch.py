# framework: pytorch
# kind: healthy
# data: sequence
# story: a one-cycle schedule, stepped per batch, which starts and ends with hardly any learning rate
# loss: F.cross_entropy in a Trainer class
# holdout: no

# %% data
import numpy as np
import torch
import torch.nn.functional as F
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

np.random.seed(2)
torch.manual_seed(2)
T = 40
t = np.linspace(0, 4 * np.pi, T)
waves = {
    0: lambda f, p: np.sin(f * t + p),
    1: lambda f, p: np.sign(np.sin(f * t + p)),
    2: lambda f, p: 2 * ((f * t + p) / (2 * np.pi) % 1) - 1,
    3: lambda f, p: np.exp(-0.15 * t) * np.sin(f * t + p) * 1.5,
}
y = np.random.randint(0, 4, 2400)
x = np.stack([waves[k](np.random.uniform(0.8, 1.6), np.random.uniform(0, 6.28)) for k in y])
x = (x + 0.2 * np.random.randn(*x.shape)).astype(np.float32)[:, None]
X, Y = torch.from_numpy(x), torch.from_numpy(y)


# %% model
class WaveNetish(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv1d(1, 16, 5, padding=2),
            nn.BatchNorm1d(16),
            nn.ReLU(),
            nn.Conv1d(16, 16, 5, stride=2, padding=2),
            nn.BatchNorm1d(16),
            nn.ReLU(),
            nn.AdaptiveAvgPool1d(4),
        )
        self.fc = nn.Linear(64, 4)

    def forward(self, x):
        return self.fc(self.body(x).flatten(1))


class Trainer:
    def __init__(self, model, train, val, epochs):
        self.model, self.val, self.epochs = model, val, epochs
        self.loader = DataLoader(TensorDataset(*train), batch_size=40, shuffle=True)
        self.opt = torch.optim.AdamW(model.parameters())
        self.sched = torch.optim.lr_scheduler.OneCycleLR(
            self.opt, max_lr=1e-2, epochs=epochs, steps_per_epoch=len(self.loader), pct_start=0.4
        )

    def evaluate(self):
        self.model.eval()
        with torch.no_grad():
            logits = self.model(self.val[0])
        return F.cross_entropy(logits, self.val[1]).item(), logits

    def run(self):
        for epoch in range(self.epochs):
            self.model.train()
            for xb, yb in self.loader:
                loss = F.cross_entropy(self.model(xb), yb)
                self.opt.zero_grad()
                loss.backward()
                self.opt.step()
                self.sched.step()
            vl, logits = self.evaluate()
            acc = (logits.argmax(1) == self.val[1]).float().mean().item()
            print(
                f"epoch {epoch} lr {self.sched.get_last_lr()[0]:.2e} val loss {vl:.3f} acc {acc:.3f}"
            )


# %% train
trainer = Trainer(WaveNetish(), (X[:2000], Y[:2000]), (X[2000:], Y[2000:]), epochs=6)
trainer.run()

# %% verify
_, logits = trainer.evaluate()
outputs = logits.numpy()
predicted = outputs.argmax(1)
actual = Y[2000:].numpy()
