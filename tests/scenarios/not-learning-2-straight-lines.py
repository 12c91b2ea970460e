# framework: pytorch
# kind: faulty
# cause: not-learning
# also: low-capacity
# data: tabular
# story: three linear layers with nothing between them look for an exclusive or
# loss: F.binary_cross_entropy_with_logits in a method of a class
# fast: yes
# holdout: no

# %% setup
import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

torch.manual_seed(12)
rng = np.random.default_rng(12)
points = rng.uniform(-1, 1, size=(3000, 2)).astype("float32")
same_side = (points[:, 0] * points[:, 1] > 0).astype("float32")
points, same_side = torch.from_numpy(points), torch.from_numpy(same_side)


class Net(nn.Module):
    def __init__(self, width=24):
        super().__init__()
        self.fc1 = nn.Linear(2, width)
        self.fc2 = nn.Linear(width, width)
        self.fc3 = nn.Linear(width, 1)

    def forward(self, x):
        x = self.fc1(x)
        x = self.fc2(x)
        return self.fc3(x).squeeze(-1)


class Trainer:
    def __init__(self, model, lr=5e-3):
        self.model = model
        self.optimizer = torch.optim.Adam(model.parameters(), lr=lr)

    def epoch(self, x, y):
        for rows in torch.randperm(len(x)).split(40):
            self.optimizer.zero_grad()
            loss = F.binary_cross_entropy_with_logits(self.model(x[rows]), y[rows])
            loss.backward()
            self.optimizer.step()
        return loss.item()


# %% train
trainer = Trainer(Net())
for epoch in range(10):
    print(epoch, trainer.epoch(points[:2000], same_side[:2000]))  # .69 and never less

# %% verify
with torch.no_grad():
    outputs = trainer.model(points[2000:])
predicted = (outputs > 0).long().numpy()
actual = same_side[2000:].long().numpy()

# %% fix setup
import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

torch.manual_seed(12)
rng = np.random.default_rng(12)
points = rng.uniform(-1, 1, size=(3000, 2)).astype("float32")
same_side = (points[:, 0] * points[:, 1] > 0).astype("float32")
points, same_side = torch.from_numpy(points), torch.from_numpy(same_side)


class Net(nn.Module):
    def __init__(self, width=24):
        super().__init__()
        self.fc1 = nn.Linear(2, width)
        self.fc2 = nn.Linear(width, width)
        self.fc3 = nn.Linear(width, 1)

    def forward(self, x):
        x = torch.relu(self.fc1(x))
        x = torch.relu(self.fc2(x))
        return self.fc3(x).squeeze(-1)


class Trainer:
    def __init__(self, model, lr=5e-3):
        self.model = model
        self.optimizer = torch.optim.Adam(model.parameters(), lr=lr)

    def epoch(self, x, y):
        for rows in torch.randperm(len(x)).split(40):
            self.optimizer.zero_grad()
            loss = F.binary_cross_entropy_with_logits(self.model(x[rows]), y[rows])
            loss.backward()
            self.optimizer.step()
        return loss.item()
