# framework: pytorch
# kind: faulty
# cause: frozen-parameters
# data: image
# story: requires_grad is switched off for the whole network, and on again for the norm layers only
# loss: nn.CrossEntropyLoss() in a function of an earlier cell
# holdout: yes

# %% setup
import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(9)
data = load_digits()
imgs = torch.tensor(data.images[:, None] / 16, dtype=torch.float32)
digit = torch.tensor(data.target)
loader = DataLoader(TensorDataset(imgs[:1400], digit[:1400]), batch_size=50, shuffle=True)


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(1, 12, 3, padding=1),
            nn.BatchNorm2d(12),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Flatten(),
        )
        self.head = nn.Linear(12 * 16, 10)

    def forward(self, x):
        return self.head(self.body(x))


def finetune(net, epochs, lr):
    ce = nn.CrossEntropyLoss()
    opt = torch.optim.Adam([p for p in net.parameters() if p.requires_grad], lr=lr)
    for e in range(epochs):
        for x, t in loader:
            opt.zero_grad()
            loss = ce(net(x), t)
            loss.backward()
            opt.step()
        print("epoch", e, "loss", loss.item())


# %% freeze
net = Net()
for p in net.parameters():
    p.requires_grad = False
for m in net.modules():
    if isinstance(m, nn.BatchNorm2d):
        for p in m.parameters():
            p.requires_grad = True

# %% train
finetune(net, epochs=6, lr=2e-3)

# %% verify
net.eval()
with torch.no_grad():
    outputs = net(imgs[1400:])
predicted = outputs.argmax(1).numpy()
actual = digit[1400:].numpy()

# %% fix freeze
net = Net()
for p in net.parameters():
    p.requires_grad = False
for m in net.modules():
    if isinstance(m, (nn.BatchNorm2d, nn.Linear)):
        for p in m.parameters():
            p.requires_grad = True
