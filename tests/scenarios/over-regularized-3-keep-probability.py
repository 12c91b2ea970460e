# framework: pytorch
# kind: faulty
# cause: over-regularized
# also: undertrained
# data: image
# story: the dropout of .95 was the probability of keeping a unit in the code it was taken from
# loss: F.cross_entropy in a loop over minibatches
# holdout: no

# %% setup
import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits
from torch import nn

torch.manual_seed(40)
pixels, digit = load_digits(return_X_y=True)
pixels = torch.tensor(pixels / 16, dtype=torch.float32)
digit = torch.tensor(digit)
split = torch.randperm(len(digit))
held, used = split[:400], split[400:]
KEEP = 0.95


class Digits(nn.Module):
    def __init__(self):
        super().__init__()
        self.a = nn.Linear(64, 40)
        self.b = nn.Linear(40, 40)
        self.c = nn.Linear(40, 10)
        self.drop = nn.Dropout(KEEP)

    def forward(self, x):
        x = self.drop(F.relu(self.a(x)))
        x = self.drop(F.relu(self.b(x)))
        return self.c(x)


# %% train
model = Digits()
opt = torch.optim.Adam(model.parameters(), lr=1e-3)
model.train()
for epoch in range(14):
    for rows in used[torch.randperm(len(used))].split(32):
        opt.zero_grad()
        F.cross_entropy(model(pixels[rows]), digit[rows]).backward()
        opt.step()

# %% verify
model.eval()
with torch.no_grad():
    outputs = model(pixels[held])
predicted = outputs.argmax(1).numpy()
actual = digit[held].numpy()

# %% fix setup
import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits
from torch import nn

torch.manual_seed(40)
pixels, digit = load_digits(return_X_y=True)
pixels = torch.tensor(pixels / 16, dtype=torch.float32)
digit = torch.tensor(digit)
split = torch.randperm(len(digit))
held, used = split[:400], split[400:]
KEEP = 0.95


class Digits(nn.Module):
    def __init__(self):
        super().__init__()
        self.a = nn.Linear(64, 40)
        self.b = nn.Linear(40, 40)
        self.c = nn.Linear(40, 10)
        self.drop = nn.Dropout(1 - KEEP)

    def forward(self, x):
        x = self.drop(F.relu(self.a(x)))
        x = self.drop(F.relu(self.b(x)))
        return self.c(x)
