# framework: pytorch
# kind: healthy
# data: tabular
# story: autocast to float16 and a gradient scaler: its first scale overflows, and the first steps are skipped
# loss: F.cross_entropy on float16 logits, scaled by torch.amp.GradScaler
# holdout: yes

# %% setup
import torch
import torch.nn.functional as F
from sklearn.datasets import make_blobs
from torch import nn

torch.manual_seed(19)
device = "cuda" if torch.cuda.is_available() else "cpu"
X, y = make_blobs(3000, n_features=12, centers=6, cluster_std=3.5, random_state=19)
X = torch.tensor((X - X.mean(0)) / X.std(0), dtype=torch.float32, device=device)
y = torch.tensor(y, device=device)
train_idx, test_idx = torch.randperm(3000).split([2400, 600])

net = nn.Sequential(
    nn.Linear(12, 64), nn.LayerNorm(64), nn.ReLU(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 6)
).to(device)
optimizer = torch.optim.AdamW(net.parameters(), lr=2e-3)
scaler = torch.amp.GradScaler(device, init_scale=2.0**22, growth_interval=200)

# %% train
skipped = 0
for epoch in range(8):
    net.train()
    for idx in train_idx[torch.randperm(2400)].split(60):
        optimizer.zero_grad(set_to_none=True)
        with torch.autocast(device, dtype=torch.float16):
            loss = F.cross_entropy(net(X[idx]), y[idx])
        before = scaler.get_scale()
        scaler.scale(loss).backward()
        scaler.unscale_(optimizer)
        nn.utils.clip_grad_norm_(net.parameters(), 5.0)
        scaler.step(optimizer)
        scaler.update()
        skipped += scaler.get_scale() < before
    print(f"epoch {epoch} loss {loss.item():.3f} scale {scaler.get_scale():.3g} skipped {skipped}")

# %% verify
net.eval()
with torch.no_grad():
    outputs = net(X[test_idx]).cpu().numpy()
predicted = outputs.argmax(1)
actual = y[test_idx].cpu().numpy()
