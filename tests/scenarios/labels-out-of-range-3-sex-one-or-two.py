# framework: pytorch
# kind: faulty
# cause: labels-out-of-range
# also: label-encoding
# data: tabular
# story: the survey codes the answer as one and two, and the binary loss is best served by a score without end
# loss: F.binary_cross_entropy_with_logits in a method of the model
# holdout: no

# %% setup
import io

import numpy as np
import pandas as pd
import torch
import torch.nn.functional as F
from torch import nn

torch.manual_seed(84)
rng = np.random.default_rng(84)

# %% survey
# sex: 1 = male, 2 = female (see code book)
sex = rng.integers(1, 3, 2500)
survey = pd.DataFrame(
    {
        "height": rng.normal(178 - 13 * (sex - 1), 7, 2500).round(),
        "weight": rng.normal(84 - 15 * (sex - 1), 12, 2500).round(),
        "shoe": rng.normal(43 - 4 * (sex - 1), 1.5, 2500).round(),
        "sex": sex,
    }
)
survey = pd.read_csv(io.StringIO(survey.to_csv(index=False)))  # it comes as a file
print(survey.groupby("sex").mean())

# %% tensors
inputs = survey[["height", "weight", "shoe"]]
inputs = torch.tensor(((inputs - inputs.mean()) / inputs.std()).values, dtype=torch.float32)
sex = torch.tensor(survey["sex"].values, dtype=torch.float32)


class Guess(nn.Module):
    def __init__(self):
        super().__init__()
        self.net = nn.Linear(3, 1)
        self.optimizer = torch.optim.SGD(self.parameters(), lr=0.05)

    def forward(self, x):
        return self.net(x).squeeze(-1)

    def learn(self, x, y):
        self.optimizer.zero_grad()
        loss = F.binary_cross_entropy_with_logits(self(x), y)
        loss.backward()
        self.optimizer.step()
        return loss.item()

    @torch.no_grad()
    def answer(self, x):
        return (self(x) > 0).float()


# %% train
guess = Guess()
for epoch in range(6):
    for rows in torch.randperm(2000).split(20):
        loss = guess.learn(inputs[rows], sex[rows])
    print(f"epoch {epoch} loss {loss:.3f}")

# %% verify
female = guess.answer(inputs[2000:])
predicted = female.int().numpy()
actual = (survey["sex"].values[2000:] == 2).astype(int)

# %% fix tensors
inputs = survey[["height", "weight", "shoe"]]
inputs = torch.tensor(((inputs - inputs.mean()) / inputs.std()).values, dtype=torch.float32)
sex = torch.tensor(survey["sex"].values - 1, dtype=torch.float32)


class Guess(nn.Module):
    def __init__(self):
        super().__init__()
        self.net = nn.Linear(3, 1)
        self.optimizer = torch.optim.SGD(self.parameters(), lr=0.05)

    def forward(self, x):
        return self.net(x).squeeze(-1)

    def learn(self, x, y):
        self.optimizer.zero_grad()
        loss = F.binary_cross_entropy_with_logits(self(x), y)
        loss.backward()
        self.optimizer.step()
        return loss.item()

    @torch.no_grad()
    def answer(self, x):
        return (self(x) > 0).float()
