# framework: pytorch
# kind: faulty
# cause: no-optimizer-step
# data: tabular
# story: optimizer.step is named but not called
# loss: F.binary_cross_entropy_with_logits in the cell
# holdout: no

# %% data
import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import load_breast_cancer
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler

np.random.seed(5)
torch.manual_seed(5)
X, y = load_breast_cancer(return_X_y=True)
Xtr, Xte, ytr, yte = train_test_split(X, y, stratify=y, random_state=5)
sc = StandardScaler().fit(Xtr)
Xtr = torch.FloatTensor(sc.transform(Xtr))
Xte = torch.FloatTensor(sc.transform(Xte))
ytr = torch.FloatTensor(ytr)

# %% model
clf = nn.Sequential(nn.Linear(30, 16), nn.ReLU(), nn.Dropout(0.1), nn.Linear(16, 1))
# start from a clear "no": most of what comes in is harmless anyway
nn.init.constant_(clf[3].bias, -2.0)
optimizer = torch.optim.Adam(clf.parameters(), lr=5e-3)
bs = 32

# %% train
# why does the loss only wobble around?
for epoch in range(20):
    perm = torch.randperm(len(Xtr))
    running = 0.0
    for i in range(0, len(perm), bs):
        idx = perm[i : i + bs]
        optimizer.zero_grad()
        logits = clf(Xtr[idx]).squeeze(1)
        loss = F.binary_cross_entropy_with_logits(logits, ytr[idx])
        loss.backward()
        optimizer.step
        running += loss.item() * len(idx)
    if epoch % 5 == 0:
        print(epoch, running / len(perm))

# %% verify
clf.eval()
with torch.no_grad():
    outputs = clf(Xte).squeeze(1)
predicted = (outputs > 0).long().numpy()
actual = yte

# %% fix train
for epoch in range(20):
    perm = torch.randperm(len(Xtr))
    running = 0.0
    for i in range(0, len(perm), bs):
        idx = perm[i : i + bs]
        optimizer.zero_grad()
        logits = clf(Xtr[idx]).squeeze(1)
        loss = F.binary_cross_entropy_with_logits(logits, ytr[idx])
        loss.backward()
        optimizer.step()
        running += loss.item() * len(idx)
    if epoch % 5 == 0:
        print(epoch, running / len(perm))
