# framework: pytorch
# kind: healthy
# data: tabular
# story: stochastic gradient descent in its first sense: batches of a single sample
# loss: nn.CrossEntropyLoss()(out.unsqueeze(0), y.unsqueeze(0)), one flower per step
# holdout: no

# %% setup
import random

import torch
import torch.nn as nn
from sklearn.datasets import load_iris
from sklearn.model_selection import train_test_split

random.seed(0)
torch.manual_seed(0)
iris = load_iris()
X_tr, X_te, y_tr, y_te = train_test_split(
    iris.data, iris.target, test_size=0.3, random_state=0, stratify=iris.target
)
mean, std = X_tr.mean(0), X_tr.std(0)
X_tr = torch.FloatTensor((X_tr - mean) / std)
X_te = torch.FloatTensor((X_te - mean) / std)
y_tr, y_te = torch.LongTensor(y_tr), torch.LongTensor(y_te)

model = nn.Sequential(nn.Linear(4, 12), nn.Tanh(), nn.Linear(12, 3))
criterion = nn.CrossEntropyLoss()
optimizer = torch.optim.SGD(model.parameters(), lr=0.01)

# %% train
samples = list(zip(X_tr, y_tr))
for epoch in range(1, 16):
    random.shuffle(samples)
    total, correct = 0.0, 0
    for x, y in samples:
        optimizer.zero_grad()
        out = model(x.unsqueeze(0))
        loss = criterion(out, y.unsqueeze(0))
        loss.backward()
        optimizer.step()
        total += loss.item()
        correct += int(out.argmax() == y)
    print(f"Epoch {epoch}: loss={total / len(samples):.4f} acc={correct / len(samples):.3f}")

# %% verify
with torch.no_grad():
    outputs = model(X_te).numpy()
predicted = outputs.argmax(1)
actual = y_te.numpy()
