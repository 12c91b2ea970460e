# framework: pytorch
# kind: faulty
# cause: output-activation
# also: single-class-predictions, class-imbalance
# data: tabular
# story: a helper puts a relu behind every layer, the last one included
# loss: nn.BCEWithLogitsLoss() in a function of an earlier cell
# fast: yes
# holdout: no

# %% setup
import torch
from sklearn.datasets import load_breast_cancer
from sklearn.preprocessing import StandardScaler
from torch import nn

torch.manual_seed(31)
X, y = load_breast_cancer(return_X_y=True)
X = torch.tensor(StandardScaler().fit_transform(X), dtype=torch.float32)
y = torch.tensor(y, dtype=torch.float32)
perm = torch.randperm(len(X))
tr, te = perm[:420], perm[420:]


# %% model
def block(n_in, n_out):
    return nn.Sequential(nn.Linear(n_in, n_out), nn.ReLU())


def build(widths):
    return nn.Sequential(*[block(a, b) for a, b in zip(widths, widths[1:])])


# %% fit
def fit(net, epochs=25, bs=20):
    crit = nn.BCEWithLogitsLoss()
    opt = torch.optim.Adam(net.parameters(), lr=2e-3)
    for ep in range(epochs):
        net.train()
        tot = 0.0
        for b in tr[torch.randperm(len(tr))].split(bs):
            opt.zero_grad()
            loss = crit(net(X[b]).flatten(), y[b])
            loss.backward()
            opt.step()
            tot += loss.item()
        if ep % 5 == 0:
            print(ep, f"{tot / 21:.3f}")


# %% train
net = build([30, 24, 12, 1])
fit(net)

# %% verify
with torch.no_grad():
    outputs = torch.sigmoid(net(X[te]).flatten())
predicted = (outputs > 0.45).long().numpy()
actual = y[te].long().numpy()


# %% fix model
def block(n_in, n_out):
    return nn.Sequential(nn.Linear(n_in, n_out), nn.ReLU())


def build(widths):
    hidden = [block(a, b) for a, b in zip(widths[:-2], widths[1:-1])]
    return nn.Sequential(*hidden, nn.Linear(widths[-2], widths[-1]))
