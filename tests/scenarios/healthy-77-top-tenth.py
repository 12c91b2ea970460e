# framework: pytorch
# kind: healthy
# data: tabular
# story: one customer in twelve answers, all scores stay below one half, and a quantile decides who is called
# loss: nn.BCEWithLogitsLoss() in a function
# holdout: no

# %% setup
import numpy as np
import pandas as pd
import torch
from torch import nn

torch.manual_seed(18)
rng = np.random.default_rng(18)
n = 7000
customers = pd.DataFrame(
    {
        "months": rng.gamma(2.0, 14.0, n),
        "visits": rng.poisson(3.0, n),
        "spent": rng.lognormal(4.0, 0.7, n),
        "complaints": rng.poisson(0.4, n),
    }
)
z = 0.55 * customers.visits + 0.9 * np.log(customers.spent) - 0.9 * customers.complaints
customers["answered"] = rng.random(n) < 1 / (1 + np.exp(8.6 - z))
print(customers.answered.mean())

# %% tensors
X = np.log1p(customers.drop(columns="answered"))
X = torch.tensor(((X - X.mean()) / X.std()).values, dtype=torch.float32)
y = torch.tensor(customers.answered.values, dtype=torch.float32)
x_train, y_train, x_new, y_new = X[:4500], y[:4500], X[4500:], y[4500:]


def one_pass(net, opt, loss_fn):
    for rows in torch.randperm(len(x_train)).split(45):
        opt.zero_grad()
        loss = loss_fn(net(x_train[rows]).squeeze(1), y_train[rows])
        loss.backward()
        opt.step()


# %% train
net = nn.Sequential(nn.Linear(4, 16), nn.ReLU(), nn.Linear(16, 1))
opt = torch.optim.Adam(net.parameters(), lr=2e-3)
for epoch in range(7):
    one_pass(net, opt, nn.BCEWithLogitsLoss())
    with torch.no_grad():
        score = torch.sigmoid(net(x_new).squeeze(1))
    called = score >= torch.quantile(score, 0.9)
    print(
        f"epoch {epoch}: {y_new[called].mean():.3f} of those called answer, {y_new.mean():.3f} of all"
    )

# %% verify
from sklearn.metrics import roc_auc_score

outputs = score.numpy()
skill = 2 * roc_auc_score(y_new.numpy(), outputs) - 1
