# framework: pytorch
# kind: faulty
# cause: misweighted-loss
# data: text
# story: a sampler balances the batches already, and the loss weighs the rare class by its rarity squared on top
# loss: nn.CrossEntropyLoss(weight=...) in a loop over a DataLoader
# holdout: no

# %% setup
import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset, WeightedRandomSampler

torch.manual_seed(13)
rng = np.random.default_rng(13)
VOCABULARY, LENGTH, MAILS = 60, 12, 2400
spam = (rng.random(MAILS) < 0.06).astype(int)
words = rng.integers(0, VOCABULARY, (MAILS, LENGTH))
typical = rng.integers(0, 15, (MAILS, LENGTH))
hot = rng.random((MAILS, LENGTH)) < np.where(spam, 0.75, 0.05)[:, None]
words = torch.from_numpy(np.where(hot, typical, words))
spam = torch.from_numpy(spam)
counts = torch.bincount(spam[:1800])
rarity = counts.sum() / counts.float()

sampler = WeightedRandomSampler(rarity[spam[:1800]], 1800)
loader = DataLoader(TensorDataset(words[:1800], spam[:1800]), batch_size=30, sampler=sampler)
criterion = nn.CrossEntropyLoss(weight=rarity**2)


class Filter(nn.Module):
    def __init__(self):
        super().__init__()
        self.bag = nn.EmbeddingBag(VOCABULARY, 16)
        self.head = nn.Linear(16, 2)

    def forward(self, mail):
        return self.head(self.bag(mail))


# %% train
model = Filter()
opt = torch.optim.SGD(model.parameters(), lr=0.1)
for epoch in range(8):
    for mail, is_spam in loader:
        opt.zero_grad()
        loss = criterion(model(mail), is_spam)
        loss.backward()
        opt.step()
    print(epoch, loss.item())

# %% verify
with torch.no_grad():
    predicted = model(words[1800:]).argmax(1).numpy()
actual = spam[1800:].numpy()

# %% fix setup
import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset, WeightedRandomSampler

torch.manual_seed(13)
rng = np.random.default_rng(13)
VOCABULARY, LENGTH, MAILS = 60, 12, 2400
spam = (rng.random(MAILS) < 0.06).astype(int)
words = rng.integers(0, VOCABULARY, (MAILS, LENGTH))
typical = rng.integers(0, 15, (MAILS, LENGTH))
hot = rng.random((MAILS, LENGTH)) < np.where(spam, 0.75, 0.05)[:, None]
words = torch.from_numpy(np.where(hot, typical, words))
spam = torch.from_numpy(spam)
counts = torch.bincount(spam[:1800])
rarity = counts.sum() / counts.float()

sampler = WeightedRandomSampler(rarity[spam[:1800]], 1800)
loader = DataLoader(TensorDataset(words[:1800], spam[:1800]), batch_size=30, sampler=sampler)
criterion = nn.CrossEntropyLoss()


class Filter(nn.Module):
    def __init__(self):
        super().__init__()
        self.bag = nn.EmbeddingBag(VOCABULARY, 16)
        self.head = nn.Linear(16, 2)

    def forward(self, mail):
        return self.head(self.bag(mail))
