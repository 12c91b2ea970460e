# framework: pytorch
# kind: faulty
# cause: labels-out-of-range
# also: label-encoding
# data: tabular
# story: the grades are counted from one, and the last one is no output: the loss call raises
# loss: nn.CrossEntropyLoss() as an attribute of a trainer class
# raises: IndexError
# holdout: no
# fast: yes

# %% setup
import numpy as np
import torch
import torch.nn as nn
from sklearn.datasets import load_wine
from sklearn.preprocessing import StandardScaler

torch.manual_seed(3)
raw = load_wine()
features = StandardScaler().fit_transform(raw.data).astype(np.float32)
grade = raw.target + 1  # as in the csv from the winery: grade 1, 2, 3
rng = np.random.default_rng(3)
order = rng.permutation(len(grade))
train_ix, test_ix = order[:130], order[130:]


class Trainer:
    def __init__(self, model, lr=0.02):
        self.model = model
        self.criterion = nn.CrossEntropyLoss()
        self.optimizer = torch.optim.Adam(model.parameters(), lr=lr)

    def step(self, x, t):
        self.optimizer.zero_grad()
        loss = self.criterion(self.model(x), t)
        loss.backward()
        self.optimizer.step()
        return loss.item()

    def fit(self, x, t, epochs=30, bs=16):
        for e in range(epochs):
            p = torch.randperm(len(x))
            losses = [self.step(x[p[i : i + bs]], t[p[i : i + bs]]) for i in range(0, len(x), bs)]
            if e % 5 == 0:
                print(e, sum(losses) / len(losses))


# %% train
model = nn.Sequential(nn.Linear(13, 24), nn.Tanh(), nn.Linear(24, 3))
trainer = Trainer(model)
trainer.fit(torch.from_numpy(features[train_ix]), torch.from_numpy(grade[train_ix]))

# %% verify
with torch.no_grad():
    outputs = model(torch.from_numpy(features[test_ix])).numpy()
predicted = outputs.argmax(1)
actual = raw.target[test_ix]

# %% fix train
model = nn.Sequential(nn.Linear(13, 24), nn.Tanh(), nn.Linear(24, 3))
trainer = Trainer(model)
trainer.fit(torch.from_numpy(features[train_ix]), torch.from_numpy(grade[train_ix] - 1))
