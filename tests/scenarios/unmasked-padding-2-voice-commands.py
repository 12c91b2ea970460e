# framework: pytorch
# kind: faulty
# cause: unmasked-padding
# also: constant-output, not-learning
# data: sequence
# story: everything is padded to the longest recording, and the last step of the GRU is taken for all of them
# loss: nn.CrossEntropyLoss() in a train function
# holdout: no

# %% imports
import numpy as np
import torch
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_sequence
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(52)
rng = np.random.default_rng(52)
COMMANDS = ["stop", "go", "left", "right"]


# %% recordings
def recording(k):
    """frames x 5 features; two bumps, whose bands and order tell the command"""
    frames = 72 if rng.random() < 0.01 else rng.integers(8, 22)
    wave = rng.normal(0, 0.4, (frames, 5))
    first, second = [(0, 2), (2, 0), (1, 3), (3, 1)][k]
    a = rng.integers(1, frames // 2 - 1)
    b = rng.integers(frames // 2 + 1, frames - 1)
    wave[a : a + 2, first] += 1.5
    wave[b : b + 2, second] += 1.5
    return torch.tensor(wave, dtype=torch.float32)


labels = torch.tensor(rng.integers(0, 4, 1100))
clips = [recording(int(k)) for k in labels]
lengths = torch.tensor([len(c) for c in clips])
padded = pad_sequence(clips, batch_first=True)
print(padded.shape)
train_set = TensorDataset(padded[:800], lengths[:800], labels[:800])
test_x, test_lengths, test_y = padded[800:], lengths[800:], labels[800:]
loader = DataLoader(train_set, batch_size=32, shuffle=True)


# %% model
class CommandNet(nn.Module):
    def __init__(self, hidden=20):
        super().__init__()
        self.gru = nn.GRU(5, hidden, batch_first=True)
        self.fc = nn.Linear(hidden, len(COMMANDS))

    def forward(self, x, lengths):
        out, _ = self.gru(x)
        return self.fc(out[:, -1])


# %% loop
def train_one_epoch(net, optimizer, criterion):
    net.train()
    total = 0.0
    for x, n, y in loader:
        optimizer.zero_grad()
        loss = criterion(net(x, n), y)
        loss.backward()
        optimizer.step()
        total += loss.item() * len(y)
    return total / len(train_set)


# %% train
net = CommandNet()
optimizer = torch.optim.Adam(net.parameters(), lr=8e-3)
criterion = nn.CrossEntropyLoss()
for epoch in range(5):
    train_loss = train_one_epoch(net, optimizer, criterion)
    with torch.no_grad():
        guess = net(test_x, test_lengths).argmax(1)
    print(epoch, round(train_loss, 4), "test acc", (guess == test_y).float().mean().item())

# %% verify
with torch.no_grad():
    outputs = net(test_x, test_lengths)
predicted = outputs.argmax(1).numpy()
actual = test_y.numpy()


# %% fix model
class CommandNet(nn.Module):
    def __init__(self, hidden=20):
        super().__init__()
        self.gru = nn.GRU(5, hidden, batch_first=True)
        self.fc = nn.Linear(hidden, len(COMMANDS))

    def forward(self, x, lengths):
        packed = pack_padded_sequence(x, lengths, batch_first=True, enforce_sorted=False)
        _, last = self.gru(packed)
        return self.fc(last[0])
