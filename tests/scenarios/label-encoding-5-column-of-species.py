# framework: pytorch
# kind: faulty
# cause: label-encoding
# also: label-shape-broadcast
# data: tabular
# story: the labels come out of the table as a column, and cross entropy wants a plain row of numbers: the loss call raises
# loss: nn.CrossEntropyLoss() in a loop over a DataLoader
# raises: RuntimeError
# holdout: no

# %% setup
import pandas as pd
import torch
from sklearn.datasets import load_wine
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(117)
df = load_wine(as_frame=True).frame.sample(frac=1, random_state=117)
features = df.drop(columns="target")
features = (features - features.mean()) / features.std()

# %% tensors
X = torch.tensor(features.to_numpy(), dtype=torch.float32)
y = torch.tensor(df[["target"]].to_numpy())
print(X.shape, y.shape, y.dtype)
train_loader = DataLoader(TensorDataset(X[:120], y[:120]), batch_size=12, shuffle=True)

# %% train
model = nn.Sequential(nn.Linear(13, 24), nn.ReLU(), nn.Linear(24, 3))
criterion = nn.CrossEntropyLoss()
optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
for epoch in range(12):
    for inputs, targets in train_loader:
        optimizer.zero_grad()
        loss = criterion(model(inputs), targets)
        loss.backward()
        optimizer.step()
    print(epoch, loss.item())

# %% verify
with torch.no_grad():
    predicted = model(X[120:]).argmax(1).numpy()
actual = df["target"].to_numpy()[120:]

# %% fix tensors
X = torch.tensor(features.to_numpy(), dtype=torch.float32)
y = torch.tensor(df["target"].to_numpy())
print(X.shape, y.shape, y.dtype)
train_loader = DataLoader(TensorDataset(X[:120], y[:120]), batch_size=12, shuffle=True)
