# framework: pytorch
# kind: healthy
# data: text
# story: several tags per post, and a softmax on purpose: the target is the uniform distribution over a post's tags
# loss: nn.KLDivLoss(reduction="batchmean") on log_softmax
# holdout: yes

# %% setup
import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

rng = np.random.default_rng(8)
torch.manual_seed(8)
TAGS, VOCAB, N = 12, 300, 3000
# each tag likes some words
taste = rng.dirichlet(np.full(VOCAB, 0.05), size=TAGS)
tags = np.zeros((N, TAGS), dtype=np.float32)
counts = np.zeros((N, VOCAB), dtype=np.float32)
for i in range(N):
    mine = rng.choice(TAGS, size=rng.integers(1, 4), replace=False)
    tags[i, mine] = 1
    counts[i] = rng.multinomial(40, taste[mine].mean(0))
tfidf = np.log1p(counts) * np.log(N / (1 + (counts > 0).sum(0)))
tfidf /= np.linalg.norm(tfidf, axis=1, keepdims=True)

x = torch.from_numpy(tfidf).float()
y = torch.from_numpy(tags / tags.sum(1, keepdims=True))  # mass shared among the tags
train_ds = TensorDataset(x[:2500], y[:2500])

# %% train
tagger = nn.Sequential(nn.Linear(VOCAB, 64), nn.ReLU(), nn.Linear(64, TAGS), nn.LogSoftmax(dim=1))
kl = nn.KLDivLoss(reduction="batchmean")
opt = torch.optim.Adam(tagger.parameters(), lr=5e-3)

for epoch in range(8):
    losses = []
    for xb, yb in DataLoader(train_ds, batch_size=64, shuffle=True):
        loss = kl(tagger(xb), yb)
        opt.zero_grad()
        loss.backward()
        opt.step()
        losses.append(loss.item())
    with torch.no_grad():
        best = tagger(x[2500:]).argmax(1)
        hit = tags[2500:][np.arange(500), best.numpy()].mean()
    print(f"epoch {epoch}  kl {np.mean(losses):.3f}  precision@1 {hit:.3f}")

# %% verify
from sklearn.metrics import roc_auc_score

with torch.no_grad():
    outputs = tagger(x[2500:]).exp().numpy()
skill = 2 * roc_auc_score(tags[2500:], outputs, average="macro") - 1
