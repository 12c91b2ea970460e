# framework: pytorch
# kind: faulty
# cause: unmasked-padding
# also: undertrained, not-learning
# data: text
# story: titles of a few words are averaged over two hundred and fifty-six places, nearly all of which are empty
# loss: F.cross_entropy in the loop
# fast: yes
# holdout: no

# %% setup
import random

import torch
import torch.nn.functional as F
from torch import nn

random.seed(55)
torch.manual_seed(55)
SECTIONS = {
    "sport": "match goal cup coach league sprint medal referee".split(),
    "money": "shares bank rates loan market profit tax bond".split(),
    "science": "comet gene laser fossil vaccine orbit neuron quark".split(),
    "stage": "opera ballet premiere actor chorus tenor drama set".split(),
}
FILLER = "new the of in a first after says how why will for with last day".split()
MAX_TOKENS = 256  # the body texts need it
vocab = {"<pad>": 0}
for w in FILLER + sum(SECTIONS.values(), []):
    vocab.setdefault(w, len(vocab))


def title(section):
    ws = random.choices(FILLER, k=random.randint(2, 5))
    ws += random.choices(SECTIONS[section], k=random.randint(1, 3))
    random.shuffle(ws)
    return ws


def encode(ws):
    ids = [vocab[w] for w in ws][:MAX_TOKENS]
    return ids + [0] * (MAX_TOKENS - len(ids))


names = list(SECTIONS)
y = torch.randint(4, (2400,))
x = torch.tensor([encode(title(names[k])) for k in y])
x_train, y_train, x_val, y_val = x[:2000], y[:2000], x[2000:], y[2000:]


# %% model
class Averager(nn.Module):
    def __init__(self, dim=16):
        super().__init__()
        self.table = nn.Embedding(len(vocab), dim, padding_idx=0)
        self.hidden = nn.Linear(dim, 24)
        self.out = nn.Linear(24, 4)

    def forward(self, ids):
        doc = self.table(ids).mean(dim=1)
        return self.out(torch.tanh(self.hidden(doc)))


# %% train
net = Averager()
opt = torch.optim.SGD(net.parameters(), lr=0.5)
for epoch in range(6):
    net.train()
    for rows in torch.randperm(len(x_train)).split(40):
        opt.zero_grad()
        loss = F.cross_entropy(net(x_train[rows]), y_train[rows])
        loss.backward()
        opt.step()
    net.eval()
    with torch.no_grad():
        logits = net(x_val)
        print(
            f"{epoch} loss {F.cross_entropy(logits, y_val):.3f}",
            f"acc {(logits.argmax(1) == y_val).float().mean():.3f}",
            logits.argmax(1).bincount(minlength=4).tolist(),
        )

# %% verify
predicted = logits.argmax(1).numpy()
actual = y_val.numpy()


# %% fix model
class Averager(nn.Module):
    def __init__(self, dim=16):
        super().__init__()
        self.table = nn.Embedding(len(vocab), dim, padding_idx=0)
        self.hidden = nn.Linear(dim, 24)
        self.out = nn.Linear(24, 4)

    def forward(self, ids):
        words = (ids > 0).sum(dim=1, keepdim=True)
        doc = self.table(ids).sum(dim=1) / words
        return self.out(torch.tanh(self.hidden(doc)))
