# framework: pytorch
# kind: faulty
# cause: missing-zero-grad
# also: learning-rate-too-high
# data: tabular
# story: the gradients are never cleared, so every step walks along the sum of all before
# loss: nn.CrossEntropyLoss() in the cell
# holdout: no
# fast: yes

# %% setup
import torch
from sklearn.datasets import make_moons
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(13)
X, y = make_moons(1500, noise=0.15, random_state=13)
X = torch.tensor(X, dtype=torch.float32)
y = torch.tensor(y)
train_loader = DataLoader(TensorDataset(X[:1200], y[:1200]), batch_size=32, shuffle=True)
val_x, val_y = X[1200:], y[1200:]

device = "cuda" if torch.cuda.is_available() else "cpu"
model = nn.Sequential(nn.Linear(2, 24), nn.ReLU(), nn.Linear(24, 24), nn.ReLU(), nn.Linear(24, 2))
model = model.to(device)
criterion = nn.CrossEntropyLoss()
optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)

# %% train
epochs = 10
for epoch in range(epochs):
    model.train()
    for x, target in train_loader:
        x, target = x.to(device), target.to(device)
        output = model(x)
        loss = criterion(output, target)
        loss.backward()
        optimizer.step()

    model.eval()
    with torch.no_grad():
        out = model(val_x.to(device))
        acc = (out.argmax(1).cpu() == val_y).float().mean()
    print(f"Epoch [{epoch + 1}/{epochs}] loss: {loss.item():.4f} acc: {acc:.3f}")

# %% verify
model.eval()
with torch.no_grad():
    outputs = model(val_x.to(device)).cpu()
predicted = outputs.argmax(1).numpy()
actual = val_y.numpy()

# %% fix train
epochs = 10
for epoch in range(epochs):
    model.train()
    for x, target in train_loader:
        x, target = x.to(device), target.to(device)
        optimizer.zero_grad()
        output = model(x)
        loss = criterion(output, target)
        loss.backward()
        optimizer.step()

    model.eval()
    with torch.no_grad():
        out = model(val_x.to(device))
        acc = (out.argmax(1).cpu() == val_y).float().mean()
    print(f"Epoch [{epoch + 1}/{epochs}] loss: {loss.item():.4f} acc: {acc:.3f}")
