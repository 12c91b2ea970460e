# framework: pytorch
# kind: healthy
# data: tabular
# story: BCE stays at .693 for more than a thousand steps of a warm-up, then learns
# loss: F.binary_cross_entropy_with_logits, with a LambdaLR stepped every batch
# holdout: yes

# %% setup
import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

torch.manual_seed(4)
gen = np.random.default_rng(4)
pts = gen.uniform(-1, 1, size=(4000, 2)).astype(np.float32)
# two interleaved squares (xor)
lab = ((pts[:, 0] > 0) ^ (pts[:, 1] > 0)).astype(np.float32)
P, L = torch.from_numpy(pts[:3200]), torch.from_numpy(lab[:3200])
P_test, L_test = torch.from_numpy(pts[3200:]), lab[3200:]

WARMUP = 1500
model = nn.Sequential(nn.Linear(2, 32), nn.ReLU(), nn.Linear(32, 32), nn.ReLU(), nn.Linear(32, 1))
optimizer = torch.optim.SGD(model.parameters(), lr=0.3)
scheduler = torch.optim.lr_scheduler.LambdaLR(
    optimizer, lambda step: 1e-3 + min(1.0, (step / WARMUP) ** 4)
)

# %% train
step = 0
log = []
for epoch in range(60):
    perm = torch.randperm(len(P))
    for i in range(0, len(P), 64):
        b = perm[i : i + 64]
        logit = model(P[b]).squeeze(-1)
        loss = F.binary_cross_entropy_with_logits(logit, L[b])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        scheduler.step()
        step += 1
        if step % 250 == 0:
            log.append(loss.item())
            print(step, f"{loss.item():.4f}", f"lr={scheduler.get_last_lr()[0]:.5f}")

# %% verify
with torch.no_grad():
    outputs = model(P_test).squeeze(-1).numpy()
predicted = (outputs > 0).astype(int)
actual = L_test.astype(int)
