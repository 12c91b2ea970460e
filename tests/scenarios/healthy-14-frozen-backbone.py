# framework: pytorch
# kind: healthy
# data: image
# story: a pretrained backbone is frozen, its batch norm kept in eval mode, and a new head is trained
# loss: nn.CrossEntropyLoss(), the optimizer holding the head only
# holdout: no

# %% setup
import torch
import torch.nn as nn
from sklearn.datasets import load_digits

torch.manual_seed(31)
d = load_digits()
x = torch.tensor(d.images, dtype=torch.float32)[:, None] / 16
y = torch.tensor(d.target)
small = y < 5  # the backbone knows 0..4, the new task is 5..9


def conv_block(i, o):
    return nn.Sequential(
        nn.Conv2d(i, o, 3, padding=1), nn.BatchNorm2d(o), nn.ReLU(inplace=True), nn.MaxPool2d(2)
    )


class SmallNet(nn.Module):
    def __init__(self, n_classes):
        super().__init__()
        self.features = nn.Sequential(conv_block(1, 12), conv_block(12, 24), nn.Flatten())
        self.classifier = nn.Linear(96, n_classes)

    def forward(self, x):
        return self.classifier(self.features(x))


# %% pretrain
net = SmallNet(5)
opt = torch.optim.Adam(net.parameters(), lr=3e-3)
xa, ya = x[small], y[small]
for epoch in range(4):
    for idx in torch.randperm(len(xa)).split(32):
        opt.zero_grad()
        nn.functional.cross_entropy(net(xa[idx]), ya[idx]).backward()
        opt.step()

# %% new head
xb, yb = x[~small], y[~small] - 5
xb_tr, yb_tr, xb_te, yb_te = xb[:650], yb[:650], xb[650:], yb[650:]
for param in net.parameters():
    param.requires_grad = False
net.classifier = nn.Linear(96, 5)

# %% train
optimizer = torch.optim.SGD(net.classifier.parameters(), lr=0.05, momentum=0.9)
criterion = nn.CrossEntropyLoss()
for epoch in range(8):
    net.train()
    net.features.eval()  # keep the running stats
    for idx in torch.randperm(len(xb_tr)).split(32):
        optimizer.zero_grad()
        loss = criterion(net(xb_tr[idx]), yb_tr[idx])
        loss.backward()
        optimizer.step()
    net.eval()
    with torch.no_grad():
        print(epoch, loss.item(), (net(xb_te).argmax(1) == yb_te).float().mean().item())

# %% verify
net.eval()
with torch.no_grad():
    outputs = net(xb_te).numpy()
predicted = outputs.argmax(1)
actual = yb_te.numpy()
