# framework: pytorch
# kind: faulty
# cause: broken-graph
# data: tabular
# story: outputs are gathered as plain numbers, and the loss is told to ask for a gradient
# loss: nn.BCELoss() in a helper function
# holdout: no

# %% setup
import torch
from sklearn.datasets import make_classification
from sklearn.model_selection import train_test_split
from torch import nn

torch.manual_seed(2)
X, y = make_classification(1200, 12, n_informative=6, class_sep=1.6, random_state=2)
Xa, Xb, ya, yb = train_test_split(X, y, random_state=2)
Xa, Xb = torch.tensor(Xa).float(), torch.tensor(Xb).float()
ya = torch.tensor(ya).float()

net = nn.Sequential(nn.Linear(12, 20), nn.ReLU(), nn.Linear(20, 1), nn.Sigmoid())
bce = nn.BCELoss()


# %% helper
def batch_loss(rows):
    probs = [net(Xa[i]).item() for i in rows]
    return bce(torch.tensor(probs), ya[rows])


# %% train
opt = torch.optim.Adam(net.parameters(), lr=0.01)
for epoch in range(6):
    total = 0
    for rows in torch.randperm(len(Xa)).split(30):
        loss = batch_loss(rows)
        loss.requires_grad = True  # otherwise: "element 0 of tensors does not require grad"
        opt.zero_grad()
        loss.backward()
        opt.step()
        total += loss.item()
    print("epoch", epoch, "loss", round(total / 30, 4))

# %% verify
with torch.no_grad():
    outputs = net(Xb).squeeze(1)
predicted = (outputs > 0.5).long().numpy()
actual = yb


# %% fix helper
def batch_loss(rows):
    return bce(net(Xa[rows]).squeeze(1), ya[rows])


# %% fix train
opt = torch.optim.Adam(net.parameters(), lr=0.01)
for epoch in range(6):
    total = 0
    for rows in torch.randperm(len(Xa)).split(30):
        loss = batch_loss(rows)
        opt.zero_grad()
        loss.backward()
        opt.step()
        total += loss.item()
    print("epoch", epoch, "loss", round(total / 30, 4))
