# framework: pytorch
# kind: faulty
# cause: missing-activation
# data: image
# story: NLLLoss wants log-probabilities and gets the raw outputs of the last layer
# loss: nn.NLLLoss() as a module
# holdout: no
# fast: yes

# %% setup
import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.utils.data import DataLoader, TensorDataset, random_split

torch.manual_seed(17)
d = load_digits()
ds = TensorDataset(
    torch.tensor(d.images, dtype=torch.float32).unsqueeze(1) / 16, torch.tensor(d.target)
)
train_ds, test_ds = random_split(ds, [1400, len(ds) - 1400])
train_loader = DataLoader(train_ds, batch_size=50, shuffle=True)
test_loader = DataLoader(test_ds, batch_size=200)


class LeNetish(nn.Module):
    def __init__(self):
        super().__init__()
        self.features = nn.Sequential(nn.Conv2d(1, 6, 3, padding=1), nn.ReLU(), nn.AvgPool2d(2))
        self.classifier = nn.Linear(6 * 4 * 4, 10)

    def forward(self, x):
        return self.classifier(self.features(x).view(x.size(0), -1))


def evaluate(net):
    net.eval()
    hit = 0
    with torch.no_grad():
        for x, t in test_loader:
            hit += (net(x).argmax(1) == t).sum().item()
    return hit / len(test_ds)


# %% train
net = LeNetish()
lossfn = nn.NLLLoss()
opt = torch.optim.SGD(net.parameters(), lr=0.2)
for epoch in range(5):
    net.train()
    for x, t in train_loader:
        opt.zero_grad()
        loss = lossfn(net(x), t)
        loss.backward()
        opt.step()
    print(f"epoch={epoch} loss={loss.item():.2f} test acc={evaluate(net):.3f}")

# %% verify
net.eval()
xs, ts = zip(*[test_ds[i] for i in range(len(test_ds))])
with torch.no_grad():
    outputs = net(torch.stack(xs))
predicted = outputs.argmax(1).numpy()
actual = torch.stack(ts).numpy()

# %% fix train
net = LeNetish()
lossfn = nn.CrossEntropyLoss()
opt = torch.optim.SGD(net.parameters(), lr=0.2)
for epoch in range(5):
    net.train()
    for x, t in train_loader:
        opt.zero_grad()
        loss = lossfn(net(x), t)
        loss.backward()
        opt.step()
    print(f"epoch={epoch} loss={loss.item():.2f} test acc={evaluate(net):.3f}")
