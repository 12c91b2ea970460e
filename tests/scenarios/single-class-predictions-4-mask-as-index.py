# framework: pytorch
# kind: faulty
# cause: single-class-predictions
# also: constant-output, not-learning
# data: tabular
# story: a mask of ones and zeros is used as an index, and picks the two columns that never change
# loss: nn.CrossEntropyLoss in a loop over a DataLoader
# holdout: yes

# %% setup
import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(21)
rng = np.random.default_rng(21)
COLUMNS = ["wave", "country", "age", "income", "hours"]
use = np.array([0, 0, 1, 1, 1])

people = 2500
age, income, hours = (
    rng.normal(44, 13, people),
    rng.normal(31, 9, people),
    rng.normal(36, 8, people),
)
survey = np.column_stack([np.full(people, 7), np.full(people, 49), age, income, hours])
content = (income - 31) / 9 - (hours - 36) / 8 + 0.3 * rng.normal(size=people)
answer = np.digitize(content, [0.6, 1.6])


def select(table):
    chosen = table[:, use]
    return (chosen - chosen.mean(0)) / (chosen.std(0) + 1e-9)


inputs = torch.tensor(select(survey), dtype=torch.float32)
answer = torch.from_numpy(answer)
loader = DataLoader(TensorDataset(inputs[:2000], answer[:2000]), batch_size=40, shuffle=True)

# %% train
net = nn.Sequential(nn.Linear(inputs.shape[1], 20), nn.ReLU(), nn.Linear(20, 3))
optimizer = torch.optim.SGD(net.parameters(), lr=0.1, momentum=0.9)
loss_fn = nn.CrossEntropyLoss()
for epoch in range(8):
    correct = 0
    for rows, target in loader:
        optimizer.zero_grad()
        logits = net(rows)
        loss = loss_fn(logits, target)
        loss.backward()
        optimizer.step()
        correct += (logits.argmax(1) == target).sum().item()
    print(f"epoch {epoch}: train acc {correct / 2000:.3f}")

# %% verify
with torch.no_grad():
    predicted = net(inputs[2000:]).argmax(1).numpy()
actual = answer[2000:].numpy()

# %% fix setup
import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(21)
rng = np.random.default_rng(21)
COLUMNS = ["wave", "country", "age", "income", "hours"]
use = np.array([0, 0, 1, 1, 1], dtype=bool)

people = 2500
age, income, hours = (
    rng.normal(44, 13, people),
    rng.normal(31, 9, people),
    rng.normal(36, 8, people),
)
survey = np.column_stack([np.full(people, 7), np.full(people, 49), age, income, hours])
content = (income - 31) / 9 - (hours - 36) / 8 + 0.3 * rng.normal(size=people)
answer = np.digitize(content, [0.6, 1.6])


def select(table):
    chosen = table[:, use]
    return (chosen - chosen.mean(0)) / (chosen.std(0) + 1e-9)


inputs = torch.tensor(select(survey), dtype=torch.float32)
answer = torch.from_numpy(answer)
loader = DataLoader(TensorDataset(inputs[:2000], answer[:2000]), batch_size=40, shuffle=True)
