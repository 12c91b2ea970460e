# framework: pytorch
# kind: healthy
# data: tabular
# story: standardised inputs with heavy tails: most within 1, some beyond 20
# loss: nn.BCEWithLogitsLoss() on (N, 1) logits and targets
# holdout: yes

# %% setup
import numpy as np
import pandas as pd
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

rng = np.random.default_rng(77)
n = 4000
df = pd.DataFrame(
    {
        "amount": rng.lognormal(3, 1.6, n),
        "n_items": rng.poisson(3, n),
        "age_days": rng.exponential(200, n),
        "ratio": rng.standard_t(2, n),
        "hour": rng.integers(0, 24, n),
    }
)
score = (
    0.9 * np.log(df.amount)
    - 0.5 * df.n_items
    + 0.8 * np.tanh(df.ratio)
    - 0.003 * df.age_days
    + rng.normal(0, 0.4, n)
)
df["returned"] = (score > score.median()).astype(int)
train, test = df.iloc[:3200], df.iloc[3200:]
cols = ["amount", "n_items", "age_days", "ratio", "hour"]
mu, sd = train[cols].mean(), train[cols].std()
print(((train[cols] - mu) / sd).describe().loc[["min", "max"]])


def tensors(part):
    return (
        torch.tensor(((part[cols] - mu) / sd).values, dtype=torch.float32),
        torch.tensor(part[["returned"]].values, dtype=torch.float32),
    )


# %% train
torch.manual_seed(77)
model = nn.Sequential(nn.Linear(5, 32), nn.ReLU(), nn.Linear(32, 16), nn.ReLU(), nn.Linear(16, 1))
opt = torch.optim.Adam(model.parameters(), lr=3e-3)
bce = nn.BCEWithLogitsLoss()
loader = DataLoader(TensorDataset(*tensors(train)), batch_size=64, shuffle=True)
for epoch in range(12):
    epoch_loss = 0
    for xb, yb in loader:
        loss = bce(model(xb), yb)
        opt.zero_grad()
        loss.backward()
        opt.step()
        epoch_loss += loss.item()
    print(f"epoch {epoch}: {epoch_loss / len(loader):.4f}")

# %% verify
x_test, y_test = tensors(test)
with torch.no_grad():
    outputs = model(x_test).squeeze(1).numpy()
predicted = (outputs > 0).astype(int)
actual = y_test.squeeze(1).numpy().astype(int)
