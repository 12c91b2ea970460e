# framework: pytorch
# kind: faulty
# cause: unscaled-inputs
# data: tabular
# story: prices in the hundred thousands saturate the tanh units beside ages and room counts
# loss: nn.CrossEntropyLoss() in a loop over a DataLoader
# holdout: no

# %% setup
import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(2)
rng = np.random.default_rng(2)
n = 3000
price = rng.lognormal(12.5, 0.4, n)
year = rng.integers(1900, 2020, n)
rooms = rng.integers(1, 9, n)
crime = rng.beta(2, 8, n)
desirable = 1.6 * (rooms - 4.5) / 2.3 - 12 * (crime - 0.2) + rng.normal(0, 0.3, n)
grade = np.digitize(desirable, [-0.8, 0.8])

table = np.column_stack([price, year, rooms, crime]).astype("float32")
train_ds = TensorDataset(torch.from_numpy(table[:2400]), torch.from_numpy(grade[:2400]))
test_x, test_y = torch.from_numpy(table[2400:]), grade[2400:]

# %% train
model = nn.Sequential(nn.Linear(4, 32), nn.Tanh(), nn.Linear(32, 16), nn.Tanh(), nn.Linear(16, 3))
opt = torch.optim.Adam(model.parameters(), lr=2e-3)
crit = nn.CrossEntropyLoss()
for epoch in range(12):
    losses = []
    for xb, yb in DataLoader(train_ds, batch_size=48, shuffle=True):
        opt.zero_grad()
        loss = crit(model(xb), yb)
        loss.backward()
        opt.step()
        losses.append(loss.item())
    print(epoch, np.mean(losses))  # 1.09 forever

# %% verify
with torch.no_grad():
    outputs = model(test_x)
predicted = outputs.argmax(1).numpy()
actual = test_y

# %% fix setup
import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(2)
rng = np.random.default_rng(2)
n = 3000
price = rng.lognormal(12.5, 0.4, n)
year = rng.integers(1900, 2020, n)
rooms = rng.integers(1, 9, n)
crime = rng.beta(2, 8, n)
desirable = 1.6 * (rooms - 4.5) / 2.3 - 12 * (crime - 0.2) + rng.normal(0, 0.3, n)
grade = np.digitize(desirable, [-0.8, 0.8])

table = np.column_stack([price, year, rooms, crime]).astype("float32")
table = (table - table[:2400].mean(0)) / table[:2400].std(0)
train_ds = TensorDataset(torch.from_numpy(table[:2400]), torch.from_numpy(grade[:2400]))
test_x, test_y = torch.from_numpy(table[2400:]), grade[2400:]
