# framework: pytorch
# kind: healthy
# data: text
# story: a next-character language model over thirty symbols, some of which are very rare
# loss: F.cross_entropy on (batch * time, vocabulary)
# holdout: no

# %% setup
import torch
import torch.nn.functional as F
from torch import nn

torch.manual_seed(20)
verse = (
    "the owl and the cat went out to sea in a boat that was pretty and green "
    "they took some honey and plenty of money wrapped up in a letter unseen "
    "the owl looked up to the stars above and sang to a small guitar "
) * 6
chars = sorted(set(verse))
stoi = {c: i for i, c in enumerate(chars)}
data = torch.tensor([stoi[c] for c in verse])
BLOCK = 24


def get_batch(n=16):
    ix = torch.randint(len(data) - BLOCK - 1, (n,))
    x = torch.stack([data[i : i + BLOCK] for i in ix])
    y = torch.stack([data[i + 1 : i + BLOCK + 1] for i in ix])
    return x, y


class CharLM(nn.Module):
    def __init__(self, v, d=48):
        super().__init__()
        self.emb = nn.Embedding(v, d)
        self.rnn = nn.GRU(d, d, batch_first=True)
        self.head = nn.Linear(d, v)

    def forward(self, x, targets=None):
        logits = self.head(self.rnn(self.emb(x))[0])
        if targets is None:
            return logits, None
        return logits, F.cross_entropy(logits.view(-1, logits.size(-1)), targets.view(-1))


# %% train
lm = CharLM(len(chars))
opt = torch.optim.AdamW(lm.parameters(), lr=1e-2)
for it in range(250):
    xb, yb = get_batch()
    _, loss = lm(xb, yb)
    opt.zero_grad(set_to_none=True)
    loss.backward()
    opt.step()
    if it % 50 == 0:
        print(it, loss.item())

# %% verify
torch.manual_seed(99)
xb, yb = get_batch(40)
with torch.no_grad():
    outputs, _ = lm(xb)
predicted = outputs.argmax(-1).reshape(-1).numpy()
actual = yb.reshape(-1).numpy()
