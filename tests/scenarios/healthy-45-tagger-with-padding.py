# framework: pytorch
# kind: healthy
# data: text
# story: token tags with most positions padded and ignored, and two thirds of the others of one tag
# loss: nn.CrossEntropyLoss(ignore_index=-100) on (N, C, T)
# holdout: no

# %% setup
import random

import torch
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence, pad_sequence

random.seed(44)
torch.manual_seed(44)
first = "anna bruno carla dario elena fabio greta hugo irene jonas".split()
last = "rossi weber novak silva lund meyer costa berg".split()
towns = "lisbon oslo turin ghent porto bergen krakow".split()
rest = "met called from in near said that later the old bridge saw with and went to".split()
vocab = {w: i + 1 for i, w in enumerate(first + last + towns + rest)}
TAGS = ["O", "PER", "LOC"]


def sentence():
    words, tags = [], []
    for _ in range(random.choice([1, 1, 1, 2, 2, 5])):
        words += random.choices(rest, k=random.randint(1, 4))
        tags += [0] * (len(words) - len(tags))
        if random.random() < 0.5:
            words += [random.choice(first), random.choice(last)]
            tags += [1, 1]
        else:
            # people may be named like towns: only "in", "from" or "near" before it tells
            named = random.random() < 0.4
            words += [
                random.choice(["met", "saw"] if named else ["in", "from"]),
                random.choice(towns),
            ]
            tags += [0, 1 if named else 2]
    return torch.tensor([vocab[w] for w in words]), torch.tensor(tags)


def collate(batch):
    xs, ys = zip(*batch)
    lens = torch.tensor([len(x) for x in xs])
    return pad_sequence(xs, True), pad_sequence(ys, True, padding_value=-100), lens


class Tagger(nn.Module):
    def __init__(self, dim=24):
        super().__init__()
        self.emb = nn.Embedding(len(vocab) + 1, dim, padding_idx=0)
        self.rnn = nn.GRU(dim, dim, batch_first=True, bidirectional=True)
        self.out = nn.Linear(2 * dim, len(TAGS))

    def forward(self, x, lens):
        packed = pack_padded_sequence(self.emb(x), lens, True, enforce_sorted=False)
        h, _ = pad_packed_sequence(self.rnn(packed)[0], True)
        return self.out(h)


sentences = [sentence() for _ in range(1400)]

# %% train
tagger = Tagger()
criterion = nn.CrossEntropyLoss(ignore_index=-100)
opt = torch.optim.Adam(tagger.parameters(), lr=5e-3)
loader = torch.utils.data.DataLoader(
    sentences[:1200], batch_size=24, shuffle=True, collate_fn=collate
)
for epoch in range(4):
    for x, y, lens in loader:
        opt.zero_grad()
        loss = criterion(tagger(x, lens).transpose(1, 2), y)
        loss.backward()
        opt.step()
    print("epoch", epoch, "loss", round(loss.item(), 4))

# %% verify
x, y, lens = collate(sentences[1200:])
with torch.no_grad():
    outputs = tagger(x, lens)
real = y != -100
predicted = outputs.argmax(-1)[real].numpy()
actual = y[real].numpy()
outputs = outputs.numpy()
