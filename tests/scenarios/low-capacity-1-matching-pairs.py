# framework: pytorch
# kind: faulty
# cause: low-capacity
# also: not-learning
# data: tabular
# story: whether two categories are the same cannot be told by a sum of one weight for each of them
# loss: nn.BCEWithLogitsLoss() in the loop
# options: --probe
# holdout: yes

# %% setup
import pandas as pd
import torch
from torch import nn

torch.manual_seed(61)
CARDS, N = 5, 4000
left = torch.randint(CARDS, (N,))
same = torch.rand(N) < 0.5
right = torch.where(same, left, (left + torch.randint(1, CARDS, (N,))) % CARDS)
frame = pd.DataFrame({"left": left, "right": right, "match": same.int()})
print(frame.head())

# %% features
X = torch.tensor(
    pd.get_dummies(frame[["left", "right"]].astype(str), dtype=float).values, dtype=torch.float32
)
y = torch.tensor(frame["match"].values, dtype=torch.float32)
X_train, y_train, X_test, y_test = X[:3000], y[:3000], X[3000:], y[3000:]


# %% model
def build():
    return nn.Linear(X.shape[1], 1)


# %% train
model = build()
criterion = nn.BCEWithLogitsLoss()
optimizer = torch.optim.Adam(model.parameters(), lr=0.02)
for epoch in range(6):
    shuffled = torch.randperm(len(X_train))
    for start in range(0, len(shuffled), 50):
        rows = shuffled[start : start + 50]
        optimizer.zero_grad()
        loss = criterion(model(X_train[rows]).squeeze(-1), y_train[rows])
        loss.backward()
        optimizer.step()
    with torch.no_grad():
        hit = ((model(X_test).squeeze(-1) > 0) == (y_test > 0.5)).float().mean()
    print(f"epoch {epoch}: loss {loss.item():.3f}, acc {hit:.3f}")

# %% verify
with torch.no_grad():
    outputs = model(X_test).squeeze(-1).numpy()
predicted = (outputs > 0).astype(int)
actual = y_test.numpy().astype(int)


# %% fix model
def build():
    return nn.Sequential(nn.Linear(X.shape[1], 32), nn.ReLU(), nn.Linear(32, 1))
