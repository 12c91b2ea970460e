# framework: pytorch
# kind: faulty
# cause: class-imbalance
# also: missing-class
# data: tabular
# story: ninety, six and four of a hundred parts in three grades that overlap
# loss: nn.CrossEntropyLoss() made in a cell of its own
# holdout: no

# %% setup
import numpy as np
import torch
from torch import nn

torch.manual_seed(2)
rng = np.random.default_rng(2)
shift = np.array([[0, 0, 0, 0], [1.6, 0.6, 0, 0], [0, 0, 1.6, -0.6]])


def parts(n):
    grade = rng.choice(3, n, p=[0.9, 0.06, 0.04])
    measured = shift[grade] + rng.normal(size=(n, 4))
    return torch.tensor(measured, dtype=torch.float32), torch.tensor(grade)


x, grade = parts(5000)
x_test, grade_test = parts(4000)

# %% criterion
criterion = nn.CrossEntropyLoss()

# %% train
clf = nn.Sequential(nn.Linear(4, 24), nn.Tanh(), nn.Linear(24, 3))
sgd = torch.optim.SGD(clf.parameters(), lr=0.05, momentum=0.9)
for epoch in range(6):
    running = 0.0
    for i in range(0, 5000, 50):
        sgd.zero_grad()
        loss = criterion(clf(x[i : i + 50]), grade[i : i + 50])
        loss.backward()
        sgd.step()
        running += loss.item()
    with torch.no_grad():
        guess = clf(x_test).argmax(1)
    print(
        epoch,
        running / 100,
        (guess == grade_test).float().mean().item(),
        guess.bincount(minlength=3),
    )

# %% verify
predicted = guess.numpy()
actual = grade_test.numpy()

# %% fix criterion
criterion = nn.CrossEntropyLoss(weight=torch.tensor([0.37, 5.5, 8.3]))
