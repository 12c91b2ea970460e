# framework: pytorch
# kind: healthy
# data: tabular
# story: three networks are compared in one cell, each with an optimizer of its own
# loss: nn.BCEWithLogitsLoss() for all three
# holdout: no

# %% setup
import torch
import torch.nn as nn
from sklearn.datasets import make_circles
from sklearn.model_selection import train_test_split

torch.manual_seed(42)
X, y = make_circles(n_samples=1000, noise=0.05, factor=0.6, random_state=42)
X = torch.from_numpy(X).type(torch.float)
y = torch.from_numpy(y).type(torch.float)
X_train, X_test, y_train, y_test = train_test_split(X, y, test_size=0.2, random_state=42)


def accuracy_fn(y_true, y_pred):
    return (torch.eq(y_true, y_pred).sum().item() / len(y_pred)) * 100


# %% train
models = {
    "narrow": nn.Sequential(nn.Linear(2, 5), nn.ReLU(), nn.Linear(5, 1)),
    "relu": nn.Sequential(
        nn.Linear(2, 16), nn.ReLU(), nn.Linear(16, 16), nn.ReLU(), nn.Linear(16, 1)
    ),
    "tanh": nn.Sequential(
        nn.Linear(2, 16), nn.Tanh(), nn.Linear(16, 16), nn.Tanh(), nn.Linear(16, 1)
    ),
}
optimizers = {name: torch.optim.Adam(m.parameters(), lr=0.01) for name, m in models.items()}
loss_fn = nn.BCEWithLogitsLoss()
for epoch in range(12):
    for idx in torch.randperm(len(X_train)).split(40):
        for name, m in models.items():
            loss = loss_fn(m(X_train[idx]).squeeze(), y_train[idx])
            optimizers[name].zero_grad()
            loss.backward()
            optimizers[name].step()
    with torch.inference_mode():
        accs = {
            name: accuracy_fn(y_test, torch.round(torch.sigmoid(m(X_test).squeeze())))
            for name, m in models.items()
        }
    print(f"Epoch: {epoch} | " + " | ".join(f"{k}: {v:.1f}%" for k, v in accs.items()))
best = max(accs, key=accs.get)

# %% verify
with torch.no_grad():
    outputs = models[best](X_test).squeeze().numpy()
predicted = (outputs > 0).astype(int)
actual = y_test.numpy().astype(int)
