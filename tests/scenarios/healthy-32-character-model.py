# framework: pytorch
# kind: healthy
# data: text
# story: a language model over characters: many classes, one of them (the blank) by far the most frequent
# loss: F.cross_entropy on logits and targets flattened with view(-1)
# holdout: no

# %% setup
import random

import torch
import torch.nn as nn
import torch.nn.functional as F

random.seed(1)
torch.manual_seed(1)
who = ["the old king", "a small fox", "my sister", "the cook", "nobody", "the captain"]
did = ["opened", "watched", "painted", "forgot", "carried", "found"]
what = ["the gate", "a red boat", "the letter", "her lamp", "the long road", "an apple"]
text = " ".join(
    f"{random.choice(who)} {random.choice(did)} {random.choice(what)}." for _ in range(900)
)
chars = sorted(set(text))
stoi = {c: i for i, c in enumerate(chars)}
data = torch.tensor([stoi[c] for c in text])
n = int(0.9 * len(data))
train_data, val_data = data[:n], data[n:]
block_size, batch_size = 24, 24
print(len(data), "characters,", len(chars), "different ones")


def get_batch(split):
    d = train_data if split == "train" else val_data
    ix = torch.randint(len(d) - block_size, (batch_size,))
    x = torch.stack([d[i : i + block_size] for i in ix])
    y = torch.stack([d[i + 1 : i + block_size + 1] for i in ix])
    return x, y


class CharLSTM(nn.Module):
    def __init__(self, vocab, dim=48):
        super().__init__()
        self.emb = nn.Embedding(vocab, 16)
        self.lstm = nn.LSTM(16, dim, batch_first=True)
        self.head = nn.Linear(dim, vocab)

    def forward(self, idx, targets=None):
        logits = self.head(self.lstm(self.emb(idx))[0])
        if targets is None:
            return logits, None
        B, T, C = logits.shape
        return logits, F.cross_entropy(logits.view(B * T, C), targets.view(B * T))


# %% train
m = CharLSTM(len(chars))
optimizer = torch.optim.AdamW(m.parameters(), lr=1e-2)
for it in range(250):
    xb, yb = get_batch("train")
    logits, loss = m(xb, yb)
    optimizer.zero_grad(set_to_none=True)
    loss.backward()
    optimizer.step()
    if it % 50 == 0:
        with torch.no_grad():
            print(f"step {it}: train {loss.item():.3f} val {m(*get_batch('val'))[1].item():.3f}")

# %% verify
import numpy as np

with torch.no_grad():
    x = torch.stack([val_data[i : i + block_size] for i in range(0, len(val_data) - 25, 24)])
    y = torch.stack([val_data[i + 1 : i + 25] for i in range(0, len(val_data) - 25, 24)])
    outputs, nll = m(x, y)
outputs = outputs.numpy()
share = np.bincount(val_data.numpy(), minlength=len(chars)) / len(val_data)
entropy = -(share[share > 0] * np.log(share[share > 0])).sum()
skill = 1 - nll.item() / entropy  # what the context tells of the next character
