# framework: pytorch
# kind: healthy
# data: text
# story: masked tokens with ignore_index; in some small batches nothing is masked, the loss is nan, and the step is left out
# loss: F.cross_entropy(ignore_index=-100), followed by torch.isfinite
# holdout: no

# %% setup
import torch
import torch.nn.functional as F
from torch import nn

torch.manual_seed(57)
V, T, MASK = 8, 7, 8
# palindromes of length 7: what is masked can be read on the other side
half = torch.randint(0, V, (1600, 3))
mid = torch.randint(0, V, (1600, 1))
seqs = torch.cat([half, mid, half.flip(1)], 1)
train, test = seqs[:1100], seqs[1100:]


def mask_tokens(x, p=0.15):
    labels = x.clone()
    chosen = torch.rand(x.shape) < p
    labels[~chosen] = -100
    return x.masked_fill(chosen, MASK), labels


class Infill(nn.Module):
    def __init__(self, d=12, hidden=96):
        super().__init__()
        self.tok = nn.Embedding(V + 1, d)
        self.mix = nn.Sequential(nn.Linear(T * d, hidden), nn.ReLU(), nn.Linear(hidden, T * V))

    def forward(self, x):
        return self.mix(self.tok(x).flatten(1)).view(-1, T, V)


# %% train
infill = Infill()
opt = torch.optim.Adam(infill.parameters(), lr=3e-3)
skipped = 0
for epoch in range(4):
    tot = 0.0
    for idx in torch.randperm(len(train)).split(4):
        x, labels = mask_tokens(train[idx])
        loss = F.cross_entropy(infill(x).transpose(1, 2), labels, ignore_index=-100)
        if not torch.isfinite(loss):
            skipped += 1
            continue
        opt.zero_grad()
        loss.backward()
        opt.step()
        tot += loss.item()
    print(f"epoch {epoch} loss {tot / (len(train) // 4):.3f} skipped {skipped}")

# %% verify
# mask the first token of each
x = test.clone()
x[:, 0] = MASK
infill.eval()
with torch.no_grad():
    outputs = infill(x)[:, 0].numpy()
predicted = outputs.argmax(1)
actual = test[:, 0].numpy()
