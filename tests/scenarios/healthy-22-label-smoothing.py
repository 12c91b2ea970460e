# framework: pytorch
# kind: healthy
# data: text
# story: label smoothing: the loss never comes below a floor far above zero
# loss: nn.CrossEntropyLoss(label_smoothing=0.2)
# holdout: yes

# %% setup
import random

import torch
import torch.nn as nn

random.seed(6)
torch.manual_seed(6)
topics = {
    "sport": "goal match team coach league score player win cup season referee".split(),
    "food": "salt oven butter onion recipe taste sauce bake spoon garlic lemon".split(),
    "space": "orbit rocket moon probe launch star crew mars telescope lander dust".split(),
    "law": "court judge appeal ruling clause trial lawyer motion verdict bench plea".split(),
}
common = "the a of in on with and after before again new old last first today it was is".split()
words = sorted(set(common).union(*topics.values()))
stoi = {w: i + 1 for i, w in enumerate(words)}  # 0 = pad
names = list(topics)


def sentence():
    k = random.randrange(4)
    length = random.randint(5, 14)
    toks = [
        random.choice(topics[names[k]] if random.random() < 0.3 else common)
        if random.random() < 0.93
        else random.choice(words)
        for _ in range(length)
    ]
    return [stoi[w] for w in toks], k


data = [sentence() for _ in range(2500)]
train, test = data[:2000], data[2000:]


def collate(batch):
    ids = [torch.tensor(s) for s, _ in batch]
    return nn.utils.rnn.pad_sequence(ids, batch_first=True), torch.tensor([k for _, k in batch])


class MeanOfWords(nn.Module):
    def __init__(self, vocab, dim=32):
        super().__init__()
        self.emb = nn.Embedding(vocab, dim, padding_idx=0)
        self.fc = nn.Sequential(nn.Linear(dim, 32), nn.ReLU(), nn.Dropout(0.2), nn.Linear(32, 4))

    def forward(self, ids):
        mask = (ids != 0).unsqueeze(-1).float()
        mean = (self.emb(ids) * mask).sum(1) / mask.sum(1)
        return self.fc(mean)


# %% train
model = MeanOfWords(len(words) + 1)
loss_fn = nn.CrossEntropyLoss(label_smoothing=0.2)
opt = torch.optim.Adam(model.parameters(), lr=5e-3)
loader = torch.utils.data.DataLoader(train, batch_size=50, shuffle=True, collate_fn=collate)
for epoch in range(10):
    model.train()
    tot = 0
    for ids, k in loader:
        opt.zero_grad()
        loss = loss_fn(model(ids), k)
        loss.backward()
        opt.step()
        tot += loss.item()
    print("epoch", epoch, "loss", tot / len(loader))

# %% verify
model.eval()
ids, k = collate(test)
with torch.no_grad():
    outputs = model(ids).numpy()
predicted = outputs.argmax(1)
actual = k.numpy()
