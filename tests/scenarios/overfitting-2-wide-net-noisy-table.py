# framework: pytorch
# kind: faulty
# cause: overfitting
# data: tabular
# story: a wide network without any restraint on four hundred rows, a quarter of whose labels are wrong
# loss: nn.BCEWithLogitsLoss() in a loop, and once more in the validation
# holdout: no
# fast: yes

# %% setup
import numpy as np
import torch
from torch import nn

torch.manual_seed(19)
rng = np.random.default_rng(19)


def clients(n, mistakes):
    x = rng.normal(0, 1, (n, 6)).astype("float32")
    true = (x[:, 0] + x[:, 1] > 0).astype("float32")
    told = np.where(rng.random(n) < mistakes, 1 - true, true).astype("float32")
    return torch.from_numpy(x), torch.from_numpy(told), true


x_train, y_train, _ = clients(400, 0.27)
x_val, y_val, _ = clients(400, 0.27)
x_test, _, truth = clients(1000, 0)

# %% train
net = nn.Sequential(nn.Linear(6, 256), nn.ReLU(), nn.Linear(256, 256), nn.ReLU(), nn.Linear(256, 1))
bce = nn.BCEWithLogitsLoss()
opt = torch.optim.Adam(net.parameters(), lr=1e-3, weight_decay=0.0)
for epoch in range(50):
    net.train()
    for rows in torch.randperm(len(x_train)).split(20):
        opt.zero_grad()
        loss = bce(net(x_train[rows]).squeeze(1), y_train[rows])
        loss.backward()
        opt.step()
    net.eval()
    with torch.no_grad():
        logits = net(x_val).squeeze(1)
        val = bce(logits, y_val)
        acc = ((logits > 0).float() == y_val).float().mean()
    if epoch % 5 == 0:
        print(f"{epoch:3d} train {loss:.3f} val {val:.3f} acc {acc:.3f}")

# %% verify
with torch.no_grad():
    predicted = (net(x_test).squeeze(1) > 0).int().numpy()
actual = truth.astype(int)

# %% fix train
net = nn.Sequential(nn.Linear(6, 256), nn.ReLU(), nn.Linear(256, 256), nn.ReLU(), nn.Linear(256, 1))
bce = nn.BCEWithLogitsLoss()
opt = torch.optim.Adam(net.parameters(), lr=1e-3, weight_decay=0.0)
best, kept = 9.0, None
for epoch in range(50):
    net.train()
    for rows in torch.randperm(len(x_train)).split(20):
        opt.zero_grad()
        loss = bce(net(x_train[rows]).squeeze(1), y_train[rows])
        loss.backward()
        opt.step()
    net.eval()
    with torch.no_grad():
        logits = net(x_val).squeeze(1)
        val = bce(logits, y_val)
        acc = ((logits > 0).float() == y_val).float().mean()
    if val < best:
        best, kept = val, {name: p.clone() for name, p in net.state_dict().items()}
net.load_state_dict(kept)
