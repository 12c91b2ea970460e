# framework: pytorch
# kind: healthy
# data: image
# story: gradients of eight small batches are summed before each step, on purpose
# loss: nn.CrossEntropyLoss() divided by the number of batches
# holdout: no

# %% setup
import torch
import torch.nn as nn
from sklearn.datasets import load_digits
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(16)
bunch = load_digits()
imgs = torch.tensor(bunch.images, dtype=torch.float32)[:, None] / 16
tgt = torch.tensor(bunch.target)
train_loader = DataLoader(TensorDataset(imgs[:1400], tgt[:1400]), batch_size=8, shuffle=True)

model = nn.Sequential(
    nn.Conv2d(1, 8, 3, padding=1),
    nn.ReLU(),
    nn.MaxPool2d(2),
    nn.Flatten(),
    nn.Linear(8 * 16, 32),
    nn.ReLU(),
    nn.Linear(32, 10),
)
criterion = nn.CrossEntropyLoss()
optimizer = torch.optim.Adam(model.parameters(), lr=4e-3)
ACCUM = 8  # memory...

# %% train
optimizer.zero_grad()
for epoch in range(8):
    for i, (x, t) in enumerate(train_loader):
        loss = criterion(model(x), t) / ACCUM
        loss.backward()
        if (i + 1) % ACCUM == 0:
            optimizer.step()
            optimizer.zero_grad()
    print("epoch", epoch, "loss", loss.item() * ACCUM)

# %% verify
with torch.no_grad():
    outputs = model(imgs[1400:])
predicted = outputs.argmax(1).numpy()
actual = tgt[1400:].numpy()
