# framework: pytorch
# kind: faulty
# cause: missing-zero-grad
# also: learning-rate-too-high
# data: sequence
# story: gradients are cleared before the epochs, not before the batches
# loss: F.cross_entropy in a function
# holdout: no

# %% setup
import torch
import torch.nn.functional as F
from torch import nn

torch.manual_seed(3)
N, T = 1600, 12
seqs = torch.randint(0, 6, (N, T))
# which symbol of 0, 1, 2 is found most often in the sequence?
hist = torch.stack([(seqs == s).sum(1) for s in range(3)], 1) + 0.1 * torch.rand(N, 3)
label = hist.argmax(1)
tr, te = slice(0, 1200), slice(1200, N)


class Reader(nn.Module):
    def __init__(self, vocab=6, dim=12, hidden=24):
        super().__init__()
        self.emb = nn.Embedding(vocab, dim)
        self.rnn = nn.GRU(dim, hidden, batch_first=True)
        self.out = nn.Linear(hidden, 3)

    def forward(self, s):
        h, _ = self.rnn(self.emb(s))
        return self.out(h.mean(1))


# %% functions
def train(net, epochs=8, batch=30, lr=0.1):
    opt = torch.optim.SGD(net.parameters(), lr=lr, momentum=0.9)
    x, y = seqs[tr], label[tr]
    for ep in range(epochs):
        opt.zero_grad()
        total = 0
        for rows in torch.randperm(len(x)).split(batch):
            loss = F.cross_entropy(net(x[rows]), y[rows])
            loss.backward()
            opt.step()
            total += loss.item()
        print("epoch", ep + 1, "loss", round(total * batch / len(x), 4))


# %% train
reader = Reader()
train(reader)

# %% verify
with torch.no_grad():
    outputs = reader(seqs[te])
predicted = outputs.argmax(1).numpy()
actual = label[te].numpy()


# %% fix functions
def train(net, epochs=8, batch=30, lr=0.1):
    opt = torch.optim.SGD(net.parameters(), lr=lr, momentum=0.9)
    x, y = seqs[tr], label[tr]
    for ep in range(epochs):
        total = 0
        for rows in torch.randperm(len(x)).split(batch):
            opt.zero_grad()
            loss = F.cross_entropy(net(x[rows]), y[rows])
            loss.backward()
            opt.step()
            total += loss.item()
        print("epoch", ep + 1, "loss", round(total * batch / len(x), 4))
