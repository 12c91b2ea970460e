# framework: pytorch
# kind: faulty
# cause: optimizer-mismatch
# data: image
# story: the weights are reset by making the model again, after the optimizer was made
# loss: F.nll_loss on log_softmax, in a function of an earlier cell
# holdout: no

# %% imports
import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits
from torch import nn, optim
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(8)
d = load_digits()
x = torch.tensor(d.data, dtype=torch.float32) / 16
y = torch.tensor(d.target)
p = torch.randperm(len(x))
train_dl = DataLoader(TensorDataset(x[p[:1300]], y[p[:1300]]), batch_size=26, shuffle=True)
valid_dl = DataLoader(TensorDataset(x[p[1300:]], y[p[1300:]]), batch_size=128)


# %% model
def make_model(hidden=64):
    return nn.Sequential(
        nn.Linear(64, hidden), nn.ReLU(), nn.Linear(hidden, 10), nn.LogSoftmax(dim=1)
    )


model = make_model()
opt = optim.Adam(model.parameters(), lr=3e-3)


# %% loop
def run_epoch(dl, train):
    model.train(train)
    hits, seen = 0, 0
    for xb, yb in dl:
        if train:
            opt.zero_grad()
            loss = F.nll_loss(model(xb), yb)
            loss.backward()
            opt.step()
        with torch.no_grad():
            hits += (model(xb).argmax(1) == yb).sum().item()
        seen += len(yb)
    return hits / seen


# %% fresh start
# fresh weights, so that every run of the notebook starts from the same place
torch.manual_seed(0)
model = make_model()

# %% train
for epoch in range(8):
    tr = run_epoch(train_dl, True)
    va = run_epoch(valid_dl, False)
    print(f"epoch {epoch + 1}: train {tr:.3f}  valid {va:.3f}")

# %% verify
with torch.no_grad():
    outputs = model(x[p[1300:]])
predicted = outputs.argmax(1).numpy()
actual = y[p[1300:]].numpy()

# %% fix fresh start
torch.manual_seed(0)
model = make_model()
opt = optim.Adam(model.parameters(), lr=3e-3)
