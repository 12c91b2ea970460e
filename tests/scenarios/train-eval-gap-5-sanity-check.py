# framework: pytorch
# kind: faulty
# cause: train-eval-gap
# data: tabular
# story: a validation puts the model into eval mode, and the training goes on like that: nothing normalizes a wide deep net
# loss: nn.CrossEntropyLoss() in a class with a validation of its own
# holdout: no

# %% setup
import numpy as np
import torch
from sklearn.datasets import load_wine
from sklearn.model_selection import train_test_split
from torch import nn

torch.manual_seed(7)
wine = load_wine()
x = torch.tensor(wine.data, dtype=torch.float32)
y = torch.tensor(wine.target)
train_i, test_i = train_test_split(np.arange(len(y)), test_size=0.4, random_state=7, stratify=y)


# %% model
class WineNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.net = nn.Sequential(
            nn.BatchNorm1d(13),
            nn.Linear(13, 48),
            nn.BatchNorm1d(48),
            nn.Sigmoid(),
            nn.Linear(48, 48),
            nn.BatchNorm1d(48),
            nn.Sigmoid(),
            nn.Linear(48, 3),
        )

    def forward(self, batch):
        return self.net(batch)


net = WineNet()
criterion = nn.CrossEntropyLoss()
optimizer = torch.optim.SGD(net.parameters(), lr=0.05, momentum=0.5)


def check(rows):
    net.eval()
    with torch.no_grad():
        out = net(x[rows])
        return criterion(out, y[rows]).item(), (out.argmax(1) == y[rows]).float().mean().item()


# %% train
print("before:", check(test_i))  # should be ln 3 and a third
for epoch in range(40):
    for rows in torch.randperm(len(train_i)).split(16):
        batch = train_i[rows.numpy()]
        optimizer.zero_grad()
        loss = criterion(net(x[batch]), y[batch])
        loss.backward()
        optimizer.step()
    if epoch % 8 == 7:
        print(epoch, check(test_i))

# %% verify
net.eval()
with torch.no_grad():
    predicted = net(x[test_i]).argmax(1).numpy()
actual = y[test_i].numpy()

# %% fix train
print("before:", check(test_i))  # should be ln 3 and a third
for epoch in range(40):
    net.train()
    for rows in torch.randperm(len(train_i)).split(16):
        batch = train_i[rows.numpy()]
        optimizer.zero_grad()
        loss = criterion(net(x[batch]), y[batch])
        loss.backward()
        optimizer.step()
    if epoch % 8 == 7:
        print(epoch, check(test_i))
