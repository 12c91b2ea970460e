# framework: pytorch
# kind: faulty
# cause: no-optimizer-step
# data: image
# story: the trainer updates the schedule after each batch, but never the weights
# loss: nn.CrossEntropyLoss() kept by a trainer class
# holdout: no
# fast: yes

# %% setup
import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(21)
digits = load_digits()
images = torch.tensor(digits.images, dtype=torch.float32).unsqueeze(1) / 16
targets = torch.tensor(digits.target)
order = torch.randperm(len(images))
train_set = TensorDataset(images[order[:1400]], targets[order[:1400]])
test_x, test_y = images[order[1400:]], targets[order[1400:]]


class SmallCNN(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(1, 12, 3, padding=1)
        self.pool = nn.MaxPool2d(2)
        self.fc = nn.Linear(12 * 16, 10)

    def forward(self, x):
        x = self.pool(torch.relu(self.conv(x)))
        return self.fc(x.flatten(1))


# %% trainer
class Trainer:
    def __init__(self, net, lr=0.1, epochs=8):
        self.net = net
        self.epochs = epochs
        self.criterion = nn.CrossEntropyLoss()
        self.opt = torch.optim.SGD(net.parameters(), lr=lr, momentum=0.9)
        self.sched = torch.optim.lr_scheduler.ExponentialLR(self.opt, gamma=0.999)

    def train_batch(self, x, y):
        self.net.train()
        self.opt.zero_grad()
        loss = self.criterion(self.net(x), y)
        loss.backward()
        self.sched.step()
        return loss.item()

    def fit(self, loader):
        for epoch in range(self.epochs):
            losses = [self.train_batch(x, y) for x, y in loader]
            print(f"epoch {epoch}: {sum(losses) / len(losses):.4f}")


# %% train
net = SmallCNN()
trainer = Trainer(net)
trainer.fit(DataLoader(train_set, batch_size=32, shuffle=True))

# %% verify
net.eval()
with torch.no_grad():
    outputs = net(test_x)
predicted = outputs.argmax(1).numpy()
actual = test_y.numpy()


# %% fix trainer
class Trainer:
    def __init__(self, net, lr=0.1, epochs=8):
        self.net = net
        self.epochs = epochs
        self.criterion = nn.CrossEntropyLoss()
        self.opt = torch.optim.SGD(net.parameters(), lr=lr, momentum=0.9)
        self.sched = torch.optim.lr_scheduler.ExponentialLR(self.opt, gamma=0.999)

    def train_batch(self, x, y):
        self.net.train()
        self.opt.zero_grad()
        loss = self.criterion(self.net(x), y)
        loss.backward()
        self.opt.step()
        self.sched.step()
        return loss.item()

    def fit(self, loader):
        for epoch in range(self.epochs):
            losses = [self.train_batch(x, y) for x, y in loader]
            print(f"epoch {epoch}: {sum(losses) / len(losses):.4f}")
