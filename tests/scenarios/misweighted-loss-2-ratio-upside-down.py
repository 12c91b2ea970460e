# framework: pytorch
# kind: faulty
# cause: misweighted-loss
# also: class-imbalance
# data: tabular
# story: pos_weight is positives over negatives and should be the inverse
# loss: nn.BCEWithLogitsLoss(pos_weight=...) made in an earlier cell
# fast: yes
# holdout: no

# %% setup
import numpy as np
import torch
from torch import nn

torch.manual_seed(3)
rng = np.random.default_rng(3)
count = 4000
signals = rng.normal(size=(count, 8))
fault = (signals[:, 2] + signals[:, 5] + 0.7 * rng.normal(size=count) > 1.9).astype("float32")
signals = torch.tensor(signals, dtype=torch.float32)
fault = torch.from_numpy(fault)
positives, negatives = fault.sum(), (1 - fault).sum()
print(f"{int(positives)} faults, {int(negatives)} without")

# %% loss
criterion = nn.BCEWithLogitsLoss(pos_weight=positives / negatives)

# %% train
detector = nn.Sequential(nn.Linear(8, 24), nn.ReLU(), nn.Linear(24, 1))
optimizer = torch.optim.Adam(detector.parameters(), lr=2e-3)
for epoch in range(8):
    for rows in torch.randperm(3200).split(40):
        optimizer.zero_grad()
        loss = criterion(detector(signals[rows]).squeeze(1), fault[rows])
        loss.backward()
        optimizer.step()
    print(epoch, loss.item())

# %% verify
with torch.no_grad():
    outputs = detector(signals[3200:]).squeeze(1)
predicted = (outputs > 0).int().numpy()
actual = fault[3200:].int().numpy()

# %% fix loss
criterion = nn.BCEWithLogitsLoss(pos_weight=negatives / positives)
