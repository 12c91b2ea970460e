# framework: pytorch
# kind: healthy
# data: sequence
# story: a recurrent net answers with one class for several epochs before it finds the rule
# loss: nn.BCEWithLogitsLoss on the last hidden state
# holdout: yes

# %% setup
import numpy as np
import torch
from torch import nn

torch.manual_seed(3)
np.random.seed(3)

# parity of the first and the fourth bit, the rest of the sequence is noise
SEQ = 8
bits = np.random.randint(0, 2, size=(1500, SEQ))
target = (bits[:, 0] ^ bits[:, 3]).astype("float32")
seqs = torch.tensor(bits * 2.0 - 1.0, dtype=torch.float32).unsqueeze(-1)
target = torch.tensor(target)
train_x, train_y = seqs[:1200], target[:1200]
test_x, test_y = seqs[1200:], target[1200:]


# %% model
class ParityNet(nn.Module):
    def __init__(self, hidden=24):
        super().__init__()
        self.rnn = nn.GRU(1, hidden, batch_first=True)
        self.read = nn.Linear(hidden, 1)

    def forward(self, x):
        _, h = self.rnn(x)
        return self.read(h[-1]).squeeze(-1)


net = ParityNet()
criterion = nn.BCEWithLogitsLoss()
opt = torch.optim.Adam(net.parameters(), lr=5e-3)

# %% train
for epoch in range(16):
    net.train()
    order = torch.randperm(len(train_x))
    running = 0.0
    for chunk in order.split(50):
        opt.zero_grad()
        loss = criterion(net(train_x[chunk]), train_y[chunk])
        loss.backward()
        nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        opt.step()
        running += loss.item() * len(chunk)
    net.eval()
    with torch.no_grad():
        guess = (net(test_x) > 0).float()
    if epoch % 3 == 0:
        print(
            f"epoch {epoch:2d}  loss {running / len(train_x):.4f}  "
            f"val acc {(guess == test_y).float().mean():.3f}  ones {guess.mean():.2f}"
        )

# %% verify
net.eval()
with torch.no_grad():
    outputs = net(test_x).numpy()
predicted = (outputs > 0).astype(int)
actual = test_y.numpy().astype(int)
