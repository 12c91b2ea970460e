# framework: pytorch
# kind: faulty
# cause: class-imbalance
# data: image
# story: one digit against all others, most of its samples thrown away: thirty to one
# loss: nn.BCEWithLogitsLoss() as a module
# holdout: no
# fast: yes

# %% setup
import numpy as np
import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(0)
rs = np.random.RandomState(0)
X, digit = load_digits(return_X_y=True)
X = X + rs.normal(0, 4.0, X.shape)  # a bad scanner
is_eight = (digit == 8).astype(np.float32)
perm = rs.permutation(len(X))
test_i, rest = perm[:600], perm[600:]
eights = rest[is_eight[rest] == 1][:35]
train_i = np.concatenate([rest[is_eight[rest] == 0], eights])
to_x = lambda i: torch.tensor(X[i] / 16, dtype=torch.float32)
train_set = TensorDataset(to_x(train_i), torch.tensor(is_eight[train_i]))
loader = DataLoader(train_set, batch_size=32, shuffle=True)
print(len(train_i), "training images")

# %% model
detector = nn.Sequential(nn.Linear(64, 16), nn.ReLU(), nn.Linear(16, 1))
criterion = nn.BCEWithLogitsLoss()
optimizer = torch.optim.SGD(detector.parameters(), lr=0.05)

# %% train
for epoch in range(30):
    correct = seen = 0
    for xb, yb in loader:
        out = detector(xb).flatten()
        loss = criterion(out, yb)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        correct += ((out > 0).float() == yb).sum().item()
        seen += len(yb)
    if epoch % 5 == 4:
        print(f"epoch {epoch + 1}: train accuracy {correct / seen:.3f}")

# %% verify
with torch.no_grad():
    outputs = detector(to_x(test_i)).flatten().numpy()
predicted = (outputs > 0).astype(int)
actual = is_eight[test_i].astype(int)

# %% fix model
detector = nn.Sequential(nn.Linear(64, 16), nn.ReLU(), nn.Linear(16, 1))
ratio = (len(train_i) - len(eights)) / len(eights)
criterion = nn.BCEWithLogitsLoss(pos_weight=torch.tensor(ratio))
optimizer = torch.optim.SGD(detector.parameters(), lr=0.05)
