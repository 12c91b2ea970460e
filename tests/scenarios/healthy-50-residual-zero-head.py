# framework: pytorch
# kind: healthy
# data: tabular
# story: the last layer and the last of each residual branch start at zero on purpose
# loss: F.cross_entropy, AdamW with a cosine schedule
# holdout: no

# %% setup
import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import make_classification

torch.manual_seed(11)
X, y = make_classification(
    n_samples=3000,
    n_features=16,
    n_informative=8,
    n_classes=4,
    n_clusters_per_class=1,
    class_sep=1.2,
    random_state=11,
)
X, y = torch.tensor(X).float(), torch.tensor(y)
X_train, y_train, X_val, y_val = X[:2400], y[:2400], X[2400:], y[2400:]


# %% model
class Block(nn.Module):
    def __init__(self, dim):
        super().__init__()
        self.norm = nn.LayerNorm(dim)
        self.up = nn.Linear(dim, 2 * dim)
        self.down = nn.Linear(2 * dim, dim)
        # identity at the start (Goyal et al., ReZero, Fixup ...)
        nn.init.zeros_(self.down.weight)
        nn.init.zeros_(self.down.bias)

    def forward(self, x):
        return x + self.down(F.gelu(self.up(self.norm(x))))


class ResMLP(nn.Module):
    def __init__(self, n_in, n_out, dim=32, depth=3):
        super().__init__()
        self.stem = nn.Linear(n_in, dim)
        self.blocks = nn.Sequential(*[Block(dim) for _ in range(depth)])
        self.head = nn.Linear(dim, n_out)
        nn.init.zeros_(self.head.weight)
        nn.init.zeros_(self.head.bias)

    def forward(self, x):
        return self.head(self.blocks(self.stem(x)))


net = ResMLP(16, 4)

# %% train
EPOCHS, BATCH = 10, 64
opt = torch.optim.AdamW(net.parameters(), lr=2e-3, weight_decay=0.01)
sched = torch.optim.lr_scheduler.CosineAnnealingLR(opt, T_max=EPOCHS)
for epoch in range(EPOCHS):
    perm = torch.randperm(len(X_train))
    for i in range(0, len(perm), BATCH):
        idx = perm[i : i + BATCH]
        loss = F.cross_entropy(net(X_train[idx]), y_train[idx])
        opt.zero_grad(set_to_none=True)
        loss.backward()
        opt.step()
    sched.step()
    with torch.no_grad():
        val = F.cross_entropy(net(X_val), y_val)
        acc = (net(X_val).argmax(-1) == y_val).float().mean()
    print(f"{epoch}: val loss {val:.3f} acc {acc:.3f}")

# %% verify
with torch.no_grad():
    outputs = net(X_val).numpy()
predicted, actual = outputs.argmax(1), y_val.numpy()
