# framework: pytorch
# kind: faulty
# cause: bad-initialization
# also: dead-relu, single-class-predictions
# data: image
# story: all weights are set to zero before training, "to start from nothing"
# loss: nn.CrossEntropyLoss() in the cell
# fast: yes
# holdout: no

# %% setup
import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.utils.data import DataLoader, TensorDataset, random_split

torch.manual_seed(29)
raw = load_digits()
whole = TensorDataset(
    torch.tensor(raw.images, dtype=torch.float32).unsqueeze(1) / 16, torch.tensor(raw.target)
)
train_part, test_part = random_split(whole, [1400, len(whole) - 1400])
batches = DataLoader(train_part, batch_size=40, shuffle=True)

# %% model
cnn = nn.Sequential(
    nn.Conv2d(1, 8, 3, padding=1),
    nn.ReLU(),
    nn.MaxPool2d(2),
    nn.Flatten(),
    nn.Linear(128, 32),
    nn.ReLU(),
    nn.Linear(32, 10),
)
for p in cnn.parameters():
    nn.init.zeros_(p)

# %% train
ce = nn.CrossEntropyLoss()
adam = torch.optim.Adam(cnn.parameters(), lr=2e-3)
for epoch in range(8):
    correct = 0
    for image, digit in batches:
        adam.zero_grad()
        guess = cnn(image)
        ce(guess, digit).backward()
        adam.step()
        correct += (guess.argmax(1) == digit).sum().item()
    print("epoch", epoch, "acc", round(correct / 1400, 3))

# %% verify
xs, ys = zip(*test_part)
with torch.no_grad():
    outputs = cnn(torch.stack(xs))
predicted = outputs.argmax(1).numpy()
actual = torch.stack(ys).numpy()

# %% fix model
cnn = nn.Sequential(
    nn.Conv2d(1, 8, 3, padding=1),
    nn.ReLU(),
    nn.MaxPool2d(2),
    nn.Flatten(),
    nn.Linear(128, 32),
    nn.ReLU(),
    nn.Linear(32, 10),
)
