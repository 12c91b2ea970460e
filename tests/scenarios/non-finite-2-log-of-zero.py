# framework: pytorch
# kind: faulty
# cause: non-finite
# data: tabular
# story: the log of a feature that is zero in a few rows makes some inputs infinite
# loss: F.cross_entropy on logits, batches from a generator
# holdout: no
# fast: yes

# %% setup
import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

torch.manual_seed(8)
rng = np.random.default_rng(8)

N = 2400
age = rng.normal(45, 12, N)
visits = rng.poisson(6, N)
income = rng.lognormal(10, 0.6, N)
segment = (visits > 7).astype(int) + ((visits > 4) & (income > 22000)).astype(int)


def prepare(age, visits, income):
    cols = [
        (age - age.mean()) / age.std(),
        np.log(visits),
        (np.log(income) - 10) / 0.6,
    ]
    return np.stack(cols, axis=1).astype(np.float32)


feats = torch.from_numpy(prepare(age, visits, income))
target = torch.from_numpy(segment)
n_tr = 1800
print(feats[:5])


def batches(n, size):
    order = torch.randperm(n)
    for a in range(0, n, size):
        yield order[a : a + size]


# %% train
model = nn.Sequential(nn.Linear(3, 32), nn.ReLU(), nn.Linear(32, 3))
optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
for epoch in range(8):
    for idx in batches(n_tr, 32):
        loss = F.cross_entropy(model(feats[idx]), target[idx])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    print("epoch", epoch, "loss", loss.item())

# %% verify
with torch.no_grad():
    outputs = model(feats[n_tr:])
predicted = outputs.argmax(1).numpy()
actual = segment[n_tr:]

# %% fix setup
import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

torch.manual_seed(8)
rng = np.random.default_rng(8)

N = 2400
age = rng.normal(45, 12, N)
visits = rng.poisson(6, N)
income = rng.lognormal(10, 0.6, N)
segment = (visits > 7).astype(int) + ((visits > 4) & (income > 22000)).astype(int)


def prepare(age, visits, income):
    cols = [
        (age - age.mean()) / age.std(),
        np.log1p(visits),
        (np.log(income) - 10) / 0.6,
    ]
    return np.stack(cols, axis=1).astype(np.float32)


feats = torch.from_numpy(prepare(age, visits, income))
target = torch.from_numpy(segment)
n_tr = 1800
print(feats[:5])


def batches(n, size):
    order = torch.randperm(n)
    for a in range(0, n, size):
        yield order[a : a + size]
