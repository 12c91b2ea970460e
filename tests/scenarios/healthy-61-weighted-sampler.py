# framework: pytorch
# kind: healthy
# data: tabular
# story: one fraud in twenty-five, drawn as often as the others by a sampler; validation on the true shares
# loss: nn.BCEWithLogitsLoss() with a WeightedRandomSampler
# holdout: yes

# %% setup
import numpy as np
import torch
from sklearn.datasets import make_classification
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import train_test_split
from torch import nn
from torch.utils.data import DataLoader, TensorDataset, WeightedRandomSampler

torch.manual_seed(63)
X, y = make_classification(
    n_samples=4000,
    n_features=12,
    n_informative=6,
    weights=[0.96],
    flip_y=0,
    class_sep=1.4,
    random_state=63,
)
X_train, X_val, y_train, y_val = train_test_split(X, y, stratify=y, random_state=63)
mean, std = X_train.mean(0), X_train.std(0)
as_x = lambda a: torch.tensor((a - mean) / std, dtype=torch.float32)
class_count = np.bincount(y_train)
print(class_count)
sample_weight = (1.0 / class_count)[y_train]
sampler = WeightedRandomSampler(torch.from_numpy(sample_weight), num_samples=len(y_train))
train_dl = DataLoader(
    TensorDataset(as_x(X_train), torch.tensor(y_train, dtype=torch.float32)),
    batch_size=64,
    sampler=sampler,
)

# %% train
model = nn.Sequential(nn.Linear(12, 32), nn.ReLU(), nn.Dropout(0.3), nn.Linear(32, 1))
optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
criterion = nn.BCEWithLogitsLoss()
for epoch in range(8):
    model.train()
    for xb, yb in train_dl:
        optimizer.zero_grad()
        loss = criterion(model(xb).flatten(), yb)
        loss.backward()
        optimizer.step()
    model.eval()
    with torch.no_grad():
        scores = model(as_x(X_val)).flatten()
        val_loss = criterion(scores, torch.tensor(y_val, dtype=torch.float32)).item()
    print(
        f"epoch {epoch} val loss {val_loss:.3f} val auc {roc_auc_score(y_val, scores.numpy()):.3f}"
    )

# %% verify
outputs = scores.numpy()
predicted = (outputs > 0).astype(int)
actual = y_val
