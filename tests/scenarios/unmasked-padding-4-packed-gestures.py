# framework: pytorch
# kind: faulty
# cause: unmasked-padding
# also: constant-output, single-class-predictions, not-learning
# data: sequence
# story: the sequences are packed, but the last row is read from the unpacked output, which is zero for all but the longest
# loss: F.cross_entropy in a class with fit
# holdout: yes

# %% setup
import torch
import torch.nn.functional as F
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

torch.manual_seed(54)
MAX = 36
N = 1000


def strokes(n):
    """pen velocities of circles (clockwise or not) and zigzags"""
    which = torch.randint(3, (n,))
    lengths = 10 + torch.randint(14, (n,))
    lengths[torch.rand(n) < 0.02] = MAX
    x = torch.zeros(n, MAX, 2)
    for i in range(n):
        t = torch.linspace(0, 6.3, int(lengths[i]))
        phase = 0.6 * torch.randn(())
        if which[i] < 2:
            turn = 1.0 if which[i] == 0 else -1.0
            v = torch.stack([torch.cos(t + phase), turn * torch.sin(t + phase)], 1)
        else:
            v = torch.stack([torch.ones_like(t), torch.sign(torch.sin(2 * t + phase))], 1)
        x[i, : len(t)] = v + 0.5 * torch.randn_like(v)
    return x, lengths, which


x, lengths, y = strokes(N)
xt, lt, yt = strokes(300)


# %% network
class Gestures(nn.Module):
    def __init__(self):
        super().__init__()
        self.lstm = nn.LSTM(2, 16, batch_first=True)
        self.classify = nn.Sequential(nn.Dropout(0.1), nn.Linear(16, 3))

    def forward(self, x, lengths):
        packed = pack_padded_sequence(x, lengths, batch_first=True, enforce_sorted=False)
        packed, (h, c) = self.lstm(packed)
        steps, _ = pad_packed_sequence(packed, batch_first=True, total_length=MAX)
        return self.classify(steps[:, -1, :])


class Runner:
    def __init__(self, net, lr):
        self.net = net
        self.optimizer = torch.optim.Adam(net.parameters(), lr=lr)

    def fit(self, epochs, size=32):
        for epoch in range(epochs):
            self.net.train()
            running = 0.0
            for rows in torch.randperm(N).split(size):
                loss = F.cross_entropy(self.net(x[rows], lengths[rows]), y[rows])
                self.optimizer.zero_grad()
                loss.backward()
                self.optimizer.step()
                running += loss.item()
            print(f"epoch {epoch}: {running / (N / size):.4f}, test {self.score():.3f}")

    @torch.no_grad()
    def score(self):
        self.net.eval()
        return (self.net(xt, lt).argmax(1) == yt).float().mean().item()


# %% train
runner = Runner(Gestures(), lr=8e-3)
runner.fit(epochs=4)

# %% verify
runner.net.eval()
with torch.no_grad():
    predicted = runner.net(xt, lt).argmax(1).numpy()
actual = yt.numpy()


# %% fix network
class Gestures(nn.Module):
    def __init__(self):
        super().__init__()
        self.lstm = nn.LSTM(2, 16, batch_first=True)
        self.classify = nn.Sequential(nn.Dropout(0.1), nn.Linear(16, 3))

    def forward(self, x, lengths):
        packed = pack_padded_sequence(x, lengths, batch_first=True, enforce_sorted=False)
        packed, (h, c) = self.lstm(packed)
        steps, _ = pad_packed_sequence(packed, batch_first=True, total_length=MAX)
        return self.classify(h[-1])


class Runner:
    def __init__(self, net, lr):
        self.net = net
        self.optimizer = torch.optim.Adam(net.parameters(), lr=lr)

    def fit(self, epochs, size=32):
        for epoch in range(epochs):
            self.net.train()
            running = 0.0
            for rows in torch.randperm(N).split(size):
                loss = F.cross_entropy(self.net(x[rows], lengths[rows]), y[rows])
                self.optimizer.zero_grad()
                loss.backward()
                self.optimizer.step()
                running += loss.item()
            print(f"epoch {epoch}: {running / (N / size):.4f}, test {self.score():.3f}")

    @torch.no_grad()
    def score(self):
        self.net.eval()
        return (self.net(xt, lt).argmax(1) == yt).float().mean().item()
