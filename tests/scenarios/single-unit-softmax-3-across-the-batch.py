# framework: pytorch
# kind: faulty
# cause: single-unit-softmax
# also: single-class-predictions
# data: sequence
# story: the softmax of a column that was squeezed runs across the batch, and no one's share of it is above one half
# loss: nn.BCELoss() in the training step of a class
# holdout: no

# %% setup
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(95)


def walks(n, steps=24):
    """acceleration of people who walk or fall"""
    falls = (torch.rand(n) < 0.5).float()
    x = 0.4 * torch.randn(n, steps)
    at = torch.randint(0, steps - 4, (n,))
    for k in torch.nonzero(falls).flatten():
        x[k, at[k] : at[k] + 4] += torch.tensor([1.0, 2.5, -2.0, -0.5])
    return x, falls


train = DataLoader(TensorDataset(*walks(2000)), batch_size=32, shuffle=True)
x_test, y_test = walks(512)


class FallDetector(nn.Module):
    def __init__(self, lr=3e-3):
        super().__init__()
        self.conv = nn.Conv1d(1, 12, 4)
        self.out = nn.Linear(12, 1)
        self.bce = nn.BCELoss()
        self.optimizer = torch.optim.Adam(self.parameters(), lr=lr)

    def forward(self, x):
        h = torch.relu(self.conv(x.unsqueeze(1))).amax(2)
        return torch.softmax(self.out(h).squeeze(), dim=-1)

    def step(self, x, y):
        loss = self.bce(self(x), y)
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()
        return loss.item()


# %% train
detector = FallDetector()
for epoch in range(6):
    losses = [detector.step(x, y) for x, y in train]
    with torch.no_grad():
        alarms = detector(x_test) > 0.5
    print(epoch, sum(losses) / len(losses), "alarms:", int(alarms.sum()), "of", int(y_test.sum()))

# %% verify
predicted = alarms.int().numpy()
actual = y_test.int().numpy()

# %% fix setup
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(95)


def walks(n, steps=24):
    """acceleration of people who walk or fall"""
    falls = (torch.rand(n) < 0.5).float()
    x = 0.4 * torch.randn(n, steps)
    at = torch.randint(0, steps - 4, (n,))
    for k in torch.nonzero(falls).flatten():
        x[k, at[k] : at[k] + 4] += torch.tensor([1.0, 2.5, -2.0, -0.5])
    return x, falls


train = DataLoader(TensorDataset(*walks(2000)), batch_size=32, shuffle=True)
x_test, y_test = walks(512)


class FallDetector(nn.Module):
    def __init__(self, lr=3e-3):
        super().__init__()
        self.conv = nn.Conv1d(1, 12, 4)
        self.out = nn.Linear(12, 1)
        self.bce = nn.BCELoss()
        self.optimizer = torch.optim.Adam(self.parameters(), lr=lr)

    def forward(self, x):
        h = torch.relu(self.conv(x.unsqueeze(1))).amax(2)
        return torch.sigmoid(self.out(h).squeeze(1))

    def step(self, x, y):
        loss = self.bce(self(x), y)
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()
        return loss.item()
