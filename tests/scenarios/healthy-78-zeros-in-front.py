# framework: pytorch
# kind: healthy
# data: sequence
# story: the padding stands in front and nothing masks it, which does no harm to the last step of an LSTM
# loss: nn.CrossEntropyLoss() in the cell
# holdout: no

# %% setup
import numpy as np
import torch
from torch import nn

torch.manual_seed(178)
rng = np.random.default_rng(178)
LONGEST = 40


def melody(rises):
    """pitch steps of a phrase that ends up or down"""
    n = rng.integers(5, 13)
    steps = rng.normal(0, 1, n)
    steps[-4:] += 0.8 if rises else -0.8
    return steps


def fill(phrases):
    out = np.zeros((len(phrases), LONGEST, 1), dtype="float32")
    for row, phrase in zip(out, phrases):
        row[LONGEST - len(phrase) :, 0] = phrase
    return torch.tensor(out)


rises = torch.tensor(rng.integers(0, 2, 1500))
x = fill([melody(r) for r in rises])
print("share of zeros:", (x == 0).float().mean().item())


# %% model
class Ending(nn.Module):
    def __init__(self):
        super().__init__()
        self.lstm = nn.LSTM(1, 12, batch_first=True)
        self.up_or_down = nn.Linear(12, 2)

    def forward(self, x):
        steps, _ = self.lstm(x)
        return self.up_or_down(steps[:, -1])


# %% train
model = Ending()
criterion = nn.CrossEntropyLoss()
optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
for epoch in range(3):
    for rows in torch.randperm(1200).split(30):
        optimizer.zero_grad()
        loss = criterion(model(x[rows]), rises[rows])
        loss.backward()
        optimizer.step()
    print(f"epoch {epoch}: loss {loss.item():.3f}")

# %% verify
with torch.no_grad():
    outputs = model(x[1200:])
predicted = outputs.argmax(1).numpy()
actual = rises[1200:].numpy()
