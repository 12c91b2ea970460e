# framework: pytorch
# kind: faulty
# cause: frozen-parameters
# data: image
# story: everything but the first block is frozen, the new head among it
# loss: nn.CrossEntropyLoss() in a fine-tuning function
# holdout: no
# fast: yes

# %% setup
import torch
from sklearn.datasets import load_digits
from torch import nn

torch.manual_seed(6)
data = load_digits()
X = torch.tensor(data.images, dtype=torch.float32)[:, None] / 16
y = torch.tensor(data.target)
idx = torch.randperm(len(X))
old, new, test = idx[:700], idx[700:1400], idx[1400:]


class Body(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem = nn.Conv2d(1, 3, 1)
        self.block = nn.Sequential(nn.Conv2d(3, 16, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2))
        self.fc = nn.Linear(16 * 16, 2)

    def forward(self, x):
        return self.fc(self.block(self.stem(x)).flatten(1))


def finetune(net, x, target, epochs, lr=3e-3):
    params = [q for q in net.parameters() if q.requires_grad]
    opt = torch.optim.Adam(params, lr=lr)
    criterion = nn.CrossEntropyLoss()
    for ep in range(epochs):
        for rows in torch.randperm(len(x)).split(35):
            opt.zero_grad()
            loss = criterion(net(x[rows]), target[rows])
            loss.backward()
            opt.step()
        print(ep, round(loss.item(), 3))


# first task: odd or even
net = Body()
finetune(net, X[old], y[old] % 2, epochs=3)

# %% new task
net.fc = nn.Linear(16 * 16, 10)
# only adapt the input side, the rest is good
for name, q in net.named_parameters():
    q.requires_grad = name.startswith("stem")
print(sum(q.numel() for q in net.parameters() if q.requires_grad), "weights to train")

# %% train
finetune(net, X[new], y[new], epochs=12)

# %% verify
with torch.no_grad():
    outputs = net(X[test])
predicted = outputs.argmax(1).numpy()
actual = y[test].numpy()

# %% fix new task
net.fc = nn.Linear(16 * 16, 10)
for name, q in net.named_parameters():
    q.requires_grad = name.startswith(("stem", "fc"))
print(sum(q.numel() for q in net.parameters() if q.requires_grad), "weights to train")
