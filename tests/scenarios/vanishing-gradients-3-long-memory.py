# framework: pytorch
# kind: faulty
# cause: vanishing-gradients
# data: sequence
# story: the sign of the first value decides, and a plain tanh RNN forgets it over a hundred steps
# loss: nn.BCEWithLogitsLoss() in the cell
# holdout: no

# %% setup
import torch
from torch import nn

torch.manual_seed(31)
T = 100
seq = 0.3 * torch.randn(1500, T, 1)
seq[:, 0, 0] = torch.sign(torch.randn(1500))
label = (seq[:, 0, 0] > 0).float()


class Remember(nn.Module):
    """reads the whole series, answers at the end"""

    def __init__(self, cell="rnn", hidden=24):
        super().__init__()
        if cell == "rnn":
            self.net = nn.RNN(1, hidden, batch_first=True)
        else:
            self.net = nn.GRU(1, hidden, batch_first=True)
        self.read = nn.Linear(hidden, 1)

    def forward(self, x):
        states, _ = self.net(x)
        return self.read(states[:, -1]).squeeze(-1)


# %% train
model = Remember()
optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
criterion = nn.BCEWithLogitsLoss()
for epoch in range(6):
    for i in range(0, 1200, 30):
        out = model(seq[i : i + 30])
        loss = criterion(out, label[i : i + 30])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    with torch.no_grad():
        acc = ((model(seq[1200:]) > 0).float() == label[1200:]).float().mean()
    print(epoch, loss.item(), acc.item())

# %% verify
with torch.no_grad():
    outputs = model(seq[1200:]).numpy()
predicted = (outputs > 0).astype(int)
actual = label[1200:].numpy().astype(int)

# %% fix setup
import torch
from torch import nn

torch.manual_seed(31)
T = 100
seq = 0.3 * torch.randn(1500, T, 1)
seq[:, 0, 0] = torch.sign(torch.randn(1500))
label = (seq[:, 0, 0] > 0).float()


class Remember(nn.Module):
    """reads the whole series, answers at the end"""

    def __init__(self, cell="rnn", hidden=24):
        super().__init__()
        if cell == "rnn":
            self.net = nn.RNN(1, hidden, batch_first=True)
        else:
            self.net = nn.GRU(1, hidden, batch_first=True)
        self.read = nn.Linear(hidden, 1)

    def forward(self, x):
        states, _ = self.net(x)
        return self.read(states.mean(1)).squeeze(-1)
