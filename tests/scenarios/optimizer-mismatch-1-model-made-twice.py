# framework: pytorch
# kind: faulty
# cause: optimizer-mismatch
# data: tabular
# story: the model is made anew for the final run, the optimizer still holds the old one
# loss: nn.BCEWithLogitsLoss() in the cell
# holdout: yes

# %% setup
import torch
from sklearn.datasets import load_breast_cancer
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import scale
from torch import nn

torch.manual_seed(7)
X, y = load_breast_cancer(return_X_y=True)
Xa, Xb, ya, yb = train_test_split(scale(X), y, test_size=0.3, random_state=7)
Xa, Xb = torch.tensor(Xa).float(), torch.tensor(Xb).float()
ya, yb = torch.tensor(ya).float(), torch.tensor(yb).float()


def fresh_model(width):
    torch.manual_seed(7)
    return nn.Sequential(nn.Linear(30, width), nn.ReLU(), nn.Linear(width, 1))


model = fresh_model(16)
optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
criterion = nn.BCEWithLogitsLoss()
print("trial loss", criterion(model(Xa)[:, 0], ya).item())

# %% widen
# 16 looked too narrow
model = fresh_model(32)
n_params = sum(p.numel() for p in model.parameters())
print(n_params, "parameters")

# %% train
for epoch in range(20):
    model.train()
    for rows in torch.randperm(len(Xa)).split(25):
        optimizer.zero_grad()
        loss = criterion(model(Xa[rows])[:, 0], ya[rows])
        loss.backward()
        optimizer.step()
    model.eval()
    with torch.no_grad():
        val = criterion(model(Xb)[:, 0], yb)
    print(epoch, loss.item(), val.item())

# %% verify
model.eval()
with torch.no_grad():
    outputs = model(Xb)[:, 0].numpy()
predicted = (outputs > 0).astype(int)
actual = yb.numpy().astype(int)

# %% fix widen
# 16 looked too narrow
model = fresh_model(32)
optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
n_params = sum(p.numel() for p in model.parameters())
print(n_params, "parameters")
