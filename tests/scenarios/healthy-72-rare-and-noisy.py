# framework: pytorch
# kind: healthy
# data: tabular
# story: four in a hundred churn, and nobody is likelier to than not: all predictions are 0 at one half, and the scores rank well
# loss: F.binary_cross_entropy_with_logits, judged by AUC
# holdout: no

# %% setup
import numpy as np
import torch
import torch.nn.functional as F
from sklearn.metrics import roc_auc_score
from torch import nn

rng = np.random.default_rng(35)
torch.manual_seed(35)
N = 12000
x = rng.normal(size=(N, 8))
risk = 1.1 * x[:, 0] - 0.8 * x[:, 1] + 0.6 * np.maximum(x[:, 2], 0) * (x[:, 3] > 0)
prob = np.clip(0.016 * np.exp(1.0 * risk), 0, 0.45)
y = (rng.random(N) < prob).astype("float32")
print("churn rate", y.mean())
xt, yt = torch.tensor(x[:9000], dtype=torch.float32), torch.tensor(y[:9000])
xv, yv = torch.tensor(x[9000:], dtype=torch.float32), y[9000:]

# %% train
net = nn.Sequential(nn.Linear(8, 24), nn.ReLU(), nn.Linear(24, 1))
opt = torch.optim.Adam(net.parameters(), lr=2e-3)
for epoch in range(6):
    for idx in torch.randperm(9000).split(90):
        logits = net(xt[idx]).squeeze(1)
        loss = F.binary_cross_entropy_with_logits(logits, yt[idx])
        opt.zero_grad()
        loss.backward()
        opt.step()
    with torch.no_grad():
        scores = torch.sigmoid(net(xv).squeeze(1)).numpy()
    print(f"epoch {epoch} auc {roc_auc_score(yv, scores):.3f} highest {scores.max():.2f}")

# %% verify
outputs = scores
skill = 2 * roc_auc_score(yv, outputs) - 1
