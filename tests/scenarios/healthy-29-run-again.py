# framework: pytorch
# kind: healthy
# data: tabular
# story: the cell is run again on a model that has learned already: small loss, small gradients, nothing to gain
# loss: nn.CrossEntropyLoss() in a function of an earlier cell
# holdout: no

# %% setup
import torch
import torch.nn as nn
from sklearn.datasets import load_iris, make_blobs
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(8)
X, y = make_blobs(1500, centers=5, n_features=6, cluster_std=1.6, random_state=8)
X = torch.tensor((X - X.mean(0)) / X.std(0)).float()
y = torch.tensor(y).long()
train_dl = DataLoader(TensorDataset(X[:1200], y[:1200]), batch_size=32, shuffle=True)
val_dl = DataLoader(TensorDataset(X[1200:], y[1200:]), batch_size=100)

model = nn.Sequential(nn.Linear(6, 40), nn.ReLU(), nn.Linear(40, 5))
loss_fn = nn.CrossEntropyLoss()
optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)


def fit(epochs):
    for epoch in range(epochs):
        model.train()
        for xb, yb in train_dl:
            optimizer.zero_grad()
            loss = loss_fn(model(xb), yb)
            loss.backward()
            optimizer.step()
        model.eval()
        with torch.no_grad():
            val = sum(loss_fn(model(xb), yb).item() for xb, yb in val_dl) / len(val_dl)
        print(f"epoch {epoch + 1}/{epochs} train {loss.item():.5f} val {val:.5f}")


# %% first run
fit(15)

# %% train
# some more, the validation loss might still go down a little
fit(10)

# %% verify
model.eval()
with torch.no_grad():
    outputs = model(X[1200:]).numpy()
predicted = outputs.argmax(1)
actual = y[1200:].numpy()
