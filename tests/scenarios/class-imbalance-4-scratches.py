# framework: pytorch
# kind: faulty
# cause: class-imbalance
# data: image
# story: a faint scratch on four of a hundred lenses, and the same loss for both kinds
# loss: F.cross_entropy in a class with fit
# holdout: yes

# %% setup
import torch
import torch.nn.functional as F
from torch import nn

torch.manual_seed(113)


def lenses(n, share):
    bad = torch.rand(n) < share
    img = 0.5 * torch.randn(n, 1, 10, 10)
    for k in torch.nonzero(bad).flatten():
        img[k, 0, torch.randint(1, 9, ()), 1:9] += 0.75
    return img, bad.long()


x, y = lenses(5000, 0.04)
x_val, y_val = lenses(1500, 0.04)
print("scratched:", y.float().mean().item())


# %% inspector
class Inspector(nn.Module):
    def __init__(self, class_weights=None):
        super().__init__()
        self.lines = nn.Conv2d(1, 8, (1, 7))
        self.fc = nn.Linear(8, 2)
        self.class_weights = class_weights

    def forward(self, x):
        return self.fc(F.relu(self.lines(x)).amax((2, 3)))

    def fit(self, epochs, lr=4e-3):
        opt = torch.optim.Adam(self.parameters(), lr=lr)
        for epoch in range(epochs):
            for rows in torch.randperm(len(x)).split(50):
                loss = F.cross_entropy(self(x[rows]), y[rows], weight=self.class_weights)
                opt.zero_grad()
                loss.backward()
                opt.step()
            print(
                epoch, loss.item(), "val acc", (self.predict(x_val) == y_val).float().mean().item()
            )

    @torch.no_grad()
    def predict(self, x):
        return self(x).argmax(1)


inspector = Inspector()

# %% train
inspector.fit(epochs=5)

# %% verify
x_more, y_more = lenses(2000, 0.3)  # picked out by hand
predicted = inspector.predict(x_more).numpy()
actual = y_more.numpy()


# %% fix inspector
class Inspector(nn.Module):
    def __init__(self, class_weights=None):
        super().__init__()
        self.lines = nn.Conv2d(1, 8, (1, 7))
        self.fc = nn.Linear(8, 2)
        self.class_weights = class_weights

    def forward(self, x):
        return self.fc(F.relu(self.lines(x)).amax((2, 3)))

    def fit(self, epochs, lr=4e-3):
        opt = torch.optim.Adam(self.parameters(), lr=lr)
        for epoch in range(epochs):
            for rows in torch.randperm(len(x)).split(50):
                loss = F.cross_entropy(self(x[rows]), y[rows], weight=self.class_weights)
                opt.zero_grad()
                loss.backward()
                opt.step()
            print(
                epoch, loss.item(), "val acc", (self.predict(x_val) == y_val).float().mean().item()
            )

    @torch.no_grad()
    def predict(self, x):
        return self(x).argmax(1)


inspector = Inspector(class_weights=torch.tensor([0.52, 12.5]))
