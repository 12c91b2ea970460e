# framework: pytorch
# kind: healthy
# data: image
# story: eight small backwards before every step, as people do who lack memory
# loss: nn.CrossEntropyLoss() divided by the number of accumulated batches
# holdout: yes

# %% setup
import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.utils.data import DataLoader, TensorDataset, random_split

torch.manual_seed(21)
d = load_digits()
ds = TensorDataset(torch.tensor(d.images).float().unsqueeze(1) / 8 - 1, torch.tensor(d.target))
train_set, val_set = random_split(ds, [1397, 400], generator=torch.Generator().manual_seed(21))

model = nn.Sequential(
    nn.Conv2d(1, 8, 3, padding=1),
    nn.ReLU(),
    nn.MaxPool2d(2),
    nn.Flatten(),
    nn.Linear(8 * 16, 48),
    nn.ReLU(),
    nn.Linear(48, 10),
)

# %% train
ACCUM = 8
loader = DataLoader(train_set, batch_size=4, shuffle=True)
criterion = nn.CrossEntropyLoss()
optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)

for epoch in range(5):
    optimizer.zero_grad()
    shown = 0.0
    for i, (xb, yb) in enumerate(loader):
        loss = criterion(model(xb), yb) / ACCUM
        loss.backward()
        shown += loss.item()
        if (i + 1) % ACCUM == 0 or i + 1 == len(loader):
            optimizer.step()
            optimizer.zero_grad()
    print(f"[{epoch + 1}] train loss: {shown * ACCUM / len(loader):.3f}")

# %% verify
model.eval()
xs, ys = zip(*val_set)
with torch.no_grad():
    outputs = model(torch.stack(xs)).numpy()
predicted = outputs.argmax(1)
actual = torch.stack(ys).numpy()
