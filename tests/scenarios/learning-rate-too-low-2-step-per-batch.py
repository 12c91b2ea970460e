# framework: pytorch
# kind: faulty
# cause: learning-rate-too-low
# also: undertrained
# data: tabular
# story: StepLR counts epochs in its author's mind and batches in the loop
# loss: nn.CrossEntropyLoss in a function that trains an epoch
# fast: yes
# holdout: no

# %% setup
import torch
from sklearn.datasets import make_classification
from torch import nn
from torch.optim.lr_scheduler import StepLR

torch.manual_seed(2)
X, y = make_classification(
    3000, 16, n_informative=8, n_redundant=2, n_classes=4, class_sep=1.6, random_state=2
)
X, y = torch.tensor(X, dtype=torch.float32), torch.tensor(y)
train_set = torch.utils.data.TensorDataset(X[:2400], y[:2400])
batches = torch.utils.data.DataLoader(train_set, batch_size=30, shuffle=True)
criterion = nn.CrossEntropyLoss()


def train_epoch(net, optimizer, scheduler):
    net.train()
    running = 0.0
    for xb, yb in batches:
        optimizer.zero_grad()
        loss = criterion(net(xb), yb)
        loss.backward()
        optimizer.step()
        scheduler.step()
        running += loss.item()
    return running / len(batches)


# %% train
net = nn.Sequential(nn.Linear(16, 48), nn.ReLU(), nn.Linear(48, 4))
optimizer = torch.optim.SGD(net.parameters(), lr=0.03, momentum=0.9)
scheduler = StepLR(optimizer, step_size=3, gamma=0.1)
for epoch in range(8):
    print(epoch, train_epoch(net, optimizer, scheduler), scheduler.get_last_lr())

# %% verify
with torch.no_grad():
    predicted = net(X[2400:]).argmax(1).numpy()
actual = y[2400:].numpy()

# %% fix setup
import torch
from sklearn.datasets import make_classification
from torch import nn
from torch.optim.lr_scheduler import StepLR

torch.manual_seed(2)
X, y = make_classification(
    3000, 16, n_informative=8, n_redundant=2, n_classes=4, class_sep=1.6, random_state=2
)
X, y = torch.tensor(X, dtype=torch.float32), torch.tensor(y)
train_set = torch.utils.data.TensorDataset(X[:2400], y[:2400])
batches = torch.utils.data.DataLoader(train_set, batch_size=30, shuffle=True)
criterion = nn.CrossEntropyLoss()


def train_epoch(net, optimizer, scheduler):
    net.train()
    running = 0.0
    for xb, yb in batches:
        optimizer.zero_grad()
        loss = criterion(net(xb), yb)
        loss.backward()
        optimizer.step()
        running += loss.item()
    scheduler.step()
    return running / len(batches)
