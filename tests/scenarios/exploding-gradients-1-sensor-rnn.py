# framework: pytorch
# kind: faulty
# cause: exploding-gradients
# also: learning-rate-too-high, non-finite
# data: sequence
# story: a plain recurrent net with relu units reads eighty readings, and now and then one gradient throws it far away
# loss: nn.CrossEntropyLoss() in a fit function
# holdout: yes

# %% setup
import numpy as np
import torch
from torch import nn

torch.manual_seed(21)
rng = np.random.default_rng(21)
STEPS = 80


def record(kind, n):
    """Vibration of a machine: sound, loose, or worn."""
    t = np.arange(STEPS)
    base = np.sin(t[None] / (3.0 + kind) + rng.uniform(0, 6, (n, 1)))
    noise = rng.normal(0, 0.4, (n, STEPS))
    return (base + noise)[..., None]


def make(n):
    x = np.concatenate([record(k, n) for k in range(3)])
    y = np.repeat(np.arange(3), n)
    order = rng.permutation(len(y))
    return torch.tensor(x[order], dtype=torch.float32), torch.tensor(y[order])


x_train, y_train = make(350)
x_test, y_test = make(150)


# %% model
class Machine(nn.Module):
    def __init__(self, hidden=48):
        super().__init__()
        self.rnn = nn.RNN(1, hidden, nonlinearity="relu", batch_first=True)
        nn.init.eye_(self.rnn.weight_hh_l0)  # keep the past, as in the paper on IRNNs
        self.rnn.weight_hh_l0.data += 0.02 * torch.randn(hidden, hidden)
        self.out = nn.Linear(hidden, 3)

    def forward(self, x):
        h, _ = self.rnn(x)
        return self.out(h[:, -1])


machine = Machine()
criterion = nn.CrossEntropyLoss()
optimizer = torch.optim.SGD(machine.parameters(), lr=0.02, momentum=0.9)

# %% train
for epoch in range(8):
    perm = torch.randperm(len(x_train))
    running = 0.0
    for i in range(0, len(perm), 35):
        rows = perm[i : i + 35]
        optimizer.zero_grad()
        loss = criterion(machine(x_train[rows]), y_train[rows])
        loss.backward()
        optimizer.step()
        running += loss.item()
    print(epoch, running / 30)

# %% verify
with torch.no_grad():
    predicted = machine(x_test).argmax(1).numpy()
actual = y_test.numpy()

# %% fix train
for epoch in range(8):
    perm = torch.randperm(len(x_train))
    running = 0.0
    for i in range(0, len(perm), 35):
        rows = perm[i : i + 35]
        optimizer.zero_grad()
        loss = criterion(machine(x_train[rows]), y_train[rows])
        loss.backward()
        nn.utils.clip_grad_norm_(machine.parameters(), 1.0)
        optimizer.step()
        running += loss.item()
    print(epoch, running / 30)
