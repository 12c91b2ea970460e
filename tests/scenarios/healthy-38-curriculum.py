# framework: pytorch
# kind: healthy
# data: text
# story: the first epoch comes sorted as the file is, later ones are shuffled; integer inputs up to 2000
# loss: nn.CrossEntropyLoss() on the output of an EmbeddingBag
# holdout: no

# %% setup
import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader

rng = np.random.default_rng(10)
torch.manual_seed(10)
VOCAB = 2000
themes = [rng.choice(VOCAB, 150, replace=False) for _ in range(5)]


def document(theme):
    n = rng.integers(10, 30)
    own = rng.random(n) < 0.35
    return np.where(own, rng.choice(themes[theme], n), rng.integers(0, VOCAB, n))


# one folder after the other, like os.listdir would give them
corpus = [(document(t), t) for t in range(5) for _ in range(360)]
heldout = [(document(t), t) for t in rng.integers(0, 5, 400)]


def collate(batch):
    docs = [torch.as_tensor(d) for d, _ in batch]
    offsets = torch.tensor([0] + [len(d) for d in docs[:-1]]).cumsum(0)
    return torch.cat(docs), offsets, torch.tensor([int(t) for _, t in batch])


class BagOfWords(nn.Module):
    def __init__(self, dim=32):
        super().__init__()
        self.bag = nn.EmbeddingBag(VOCAB, dim, mode="mean")
        self.fc = nn.Linear(dim, 5)

    def forward(self, words, offsets):
        return self.fc(self.bag(words, offsets))


model = BagOfWords()
optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
criterion = nn.CrossEntropyLoss()

# %% train
for epoch in range(9):
    # first pass in order to warm the cache, shuffled from then on
    loader = DataLoader(corpus, batch_size=40, shuffle=epoch > 0, collate_fn=collate)
    right = 0
    for words, offsets, t in loader:
        out = model(words, offsets)
        loss = criterion(out, t)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        right += (out.argmax(1) == t).sum().item()
    print(f"epoch {epoch}: train acc {right / len(corpus):.3f}")

# %% verify
words, offsets, t = collate(heldout)
with torch.no_grad():
    outputs = model(words, offsets).numpy()
predicted = outputs.argmax(1)
actual = t.numpy()
