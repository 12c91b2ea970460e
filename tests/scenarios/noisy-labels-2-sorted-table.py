# framework: pytorch
# kind: faulty
# cause: noisy-labels
# also: overfitting
# data: tabular
# story: the table is sorted by date after the labels were taken from it, so each row has another one's label
# loss: nn.BCEWithLogitsLoss() in a class with fit and evaluate
# holdout: no
# fast: yes

# %% setup
import numpy as np
import torch
from torch import nn

torch.manual_seed(9)
rng = np.random.default_rng(9)
n = 900
table = np.zeros(n, dtype=[("date", "f4"), ("income", "f4"), ("debt", "f4"), ("late", "i4")])
table["date"] = rng.uniform(0, 365, n)
table["income"] = rng.normal(0, 1, n)
table["debt"] = rng.normal(0, 1, n)
risk = 1.8 * table["debt"] - 1.5 * table["income"] + rng.normal(0, 0.6, n)
table["late"] = risk > 0
future = table[600:].copy()  # the last three hundred are for the final report
table = table[:600]

labels = table["late"].astype("float32").copy()
table.sort(order="date")  # oldest first


def features(rows):
    return np.stack([rows["date"] / 182.5 - 1, rows["income"], rows["debt"]], 1)


x, y = torch.from_numpy(features(table)), torch.from_numpy(labels)
x_train, y_train, x_val, y_val = x[:400], y[:400], x[400:], y[400:]


# %% model
class Credit:
    def __init__(self, width=160):
        self.net = nn.Sequential(
            nn.Linear(3, width), nn.ReLU(), nn.Linear(width, width), nn.ReLU(), nn.Linear(width, 1)
        )
        self.loss = nn.BCEWithLogitsLoss()
        self.opt = torch.optim.Adam(self.net.parameters(), lr=0.005)

    def fit(self, x, y, epochs):
        for epoch in range(epochs):
            for rows in torch.randperm(len(x)).split(25):
                self.opt.zero_grad()
                loss = self.loss(self.net(x[rows])[:, 0], y[rows])
                loss.backward()
                self.opt.step()
            if epoch % 10 == 9:
                print(epoch + 1, round(loss.item(), 3), self.evaluate(x_val, y_val))

    @torch.no_grad()
    def evaluate(self, x, y):
        out = self.net(x)[:, 0]
        return round(self.loss(out, y).item(), 3), ((out > 0) == (y > 0.5)).float().mean().item()


# %% train
credit = Credit()
credit.fit(x_train, y_train, 60)

# %% verify
with torch.no_grad():
    outputs = credit.net(torch.from_numpy(features(future)))[:, 0].numpy()
predicted = (outputs > 0).astype(int)
actual = future["late"]

# %% fix setup
import numpy as np
import torch
from torch import nn

torch.manual_seed(9)
rng = np.random.default_rng(9)
n = 900
table = np.zeros(n, dtype=[("date", "f4"), ("income", "f4"), ("debt", "f4"), ("late", "i4")])
table["date"] = rng.uniform(0, 365, n)
table["income"] = rng.normal(0, 1, n)
table["debt"] = rng.normal(0, 1, n)
risk = 1.8 * table["debt"] - 1.5 * table["income"] + rng.normal(0, 0.6, n)
table["late"] = risk > 0
future = table[600:].copy()  # the last three hundred are for the final report
table = table[:600]

table.sort(order="date")  # oldest first
labels = table["late"].astype("float32").copy()


def features(rows):
    return np.stack([rows["date"] / 182.5 - 1, rows["income"], rows["debt"]], 1)


x, y = torch.from_numpy(features(table)), torch.from_numpy(labels)
x_train, y_train, x_val, y_val = x[:400], y[:400], x[400:], y[400:]
