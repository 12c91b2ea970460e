# framework: pytorch
# kind: healthy
# data: image
# story: mixup: the targets are mixtures of two classes, training accuracy means little
# loss: nn.CrossEntropyLoss() against rows of probabilities
# holdout: no

# %% setup
import numpy as np
import torch
import torch.nn as nn
from sklearn.datasets import load_digits
from torch.utils.data import DataLoader, TensorDataset

np.random.seed(14)
torch.manual_seed(14)
digits = load_digits()
x = torch.from_numpy((digits.images / 16).astype("float32")).unsqueeze(1)
t = torch.from_numpy(digits.target)
shuffled = torch.randperm(len(x))
x, t = x[shuffled], t[shuffled]


def mixup(x, t, alpha=0.4, n_classes=10):
    lam = np.random.beta(alpha, alpha)
    other = torch.randperm(len(x))
    onehot = nn.functional.one_hot(t, n_classes).float()
    return lam * x + (1 - lam) * x[other], lam * onehot + (1 - lam) * onehot[other]


model = nn.Sequential(
    nn.Conv2d(1, 12, 3, padding=1),
    nn.BatchNorm2d(12),
    nn.ReLU(),
    nn.MaxPool2d(2),
    nn.Conv2d(12, 24, 3, padding=1),
    nn.BatchNorm2d(24),
    nn.ReLU(),
    nn.AdaptiveAvgPool2d(2),
    nn.Flatten(),
    nn.Linear(96, 10),
)

# %% train
train_loader = DataLoader(TensorDataset(x[:1400], t[:1400]), batch_size=32, shuffle=True)
criterion = nn.CrossEntropyLoss()
optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9, weight_decay=5e-4)
scheduler = torch.optim.lr_scheduler.MultiStepLR(optimizer, milestones=[4, 6])
for epoch in range(7):
    model.train()
    total = 0
    for xb, tb in train_loader:
        xm, tm = mixup(xb, tb)
        optimizer.zero_grad()
        loss = criterion(model(xm), tm)
        loss.backward()
        optimizer.step()
        total += loss.item()
    scheduler.step()
    print(f"epoch {epoch} loss {total / len(train_loader):.3f}")

# %% verify
model.eval()
with torch.no_grad():
    outputs = model(x[1400:]).numpy()
predicted = outputs.argmax(1)
actual = t[1400:].numpy()
