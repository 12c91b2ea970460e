# framework: pytorch
# kind: healthy
# data: image
# story: a trained network is adapted to another scanner with 2e-5 and two groups of parameters: tiny updates on purpose
# loss: nn.CrossEntropyLoss(), AdamW with a learning rate per group
# holdout: no

# %% setup
import torch
from sklearn.datasets import load_digits
from torch import nn

torch.manual_seed(64)
d = load_digits()
clean = torch.tensor(d.images).float().unsqueeze(1) / 16
labels = torch.tensor(d.target)
# the new scanner is darker and has a tilt in brightness
tilt = torch.linspace(0.75, 1.05, 8)
scan = (clean * tilt + 0.05 * torch.randn_like(clean)).clamp(0, 1)

body = nn.Sequential(nn.Conv2d(1, 12, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten())
head = nn.Sequential(nn.Linear(192, 48), nn.ReLU(), nn.Linear(48, 10))
model = nn.Sequential(body, head)
criterion = nn.CrossEntropyLoss()


def run(images, optimizer, epochs, bs=32):
    for epoch in range(epochs):
        total = 0.0
        for idx in torch.randperm(1300).split(bs):
            optimizer.zero_grad()
            loss = criterion(model(images[idx]), labels[idx])
            loss.backward()
            optimizer.step()
            total += loss.item() * len(idx) / 1300
        with torch.no_grad():
            acc = (model(scan[1300:]).argmax(1) == labels[1300:]).float().mean()
        print(f"epoch {epoch} loss {total:.4f} acc on new scans {acc:.4f}")


# %% train on the old scans
run(clean, torch.optim.Adam(model.parameters(), lr=3e-3), epochs=5)

# %% train
groups = [{"params": body.parameters(), "lr": 2e-5}, {"params": head.parameters(), "lr": 1e-4}]
run(scan, torch.optim.AdamW(groups), epochs=4)

# %% verify
with torch.no_grad():
    outputs = model(scan[1300:]).numpy()
predicted = outputs.argmax(1)
actual = labels[1300:].numpy()
