# framework: pytorch
# kind: healthy
# data: image
# story: dropout of one half twice, weight decay, sparse relus: as much regularization as is good
# loss: F.nll_loss on log_softmax, in train() and test() functions
# holdout: no

# %% setup
import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import load_digits
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(36)
bunch = load_digits()
data = torch.tensor(bunch.images, dtype=torch.float32).unsqueeze(1).div(16).sub(0.3).div(0.37)
target = torch.tensor(bunch.target)
train_loader = DataLoader(TensorDataset(data[:1300], target[:1300]), batch_size=32, shuffle=True)
test_loader = DataLoader(TensorDataset(data[1300:], target[1300:]), batch_size=200)


class Net(nn.Module):
    def __init__(self):
        super(Net, self).__init__()
        self.conv1 = nn.Conv2d(1, 10, kernel_size=3)
        self.drop = nn.Dropout(0.5)
        self.fc1 = nn.Linear(360, 64)
        self.fc2 = nn.Linear(64, 10)

    def forward(self, x):
        x = F.relu(self.conv1(x))
        x = self.drop(x.view(-1, 360))
        x = F.relu(self.fc1(x))
        x = F.dropout(x, 0.5, training=self.training)
        return F.log_softmax(self.fc2(x), dim=1)


def train(model, device, train_loader, optimizer, epoch):
    model.train()
    for batch_idx, (data, target) in enumerate(train_loader):
        data, target = data.to(device), target.to(device)
        optimizer.zero_grad()
        output = model(data)
        loss = F.nll_loss(output, target)
        loss.backward()
        optimizer.step()
        if batch_idx % 20 == 0:
            print(f"Train Epoch: {epoch} [{batch_idx * 32}/1300]\tLoss: {loss.item():.6f}")


def test(model, device, test_loader):
    model.eval()
    test_loss, correct = 0, 0
    with torch.no_grad():
        for data, target in test_loader:
            output = model(data.to(device))
            test_loss += F.nll_loss(output, target, reduction="sum").item()
            correct += output.argmax(1).eq(target).sum().item()
    n = len(test_loader.dataset)
    print(f"Test set: Average loss: {test_loss / n:.4f}, Accuracy: {correct}/{n}")


# %% train
device = torch.device("cpu")
model = Net().to(device)
optimizer = torch.optim.SGD(model.parameters(), lr=0.02, momentum=0.9, weight_decay=1e-3)
for epoch in range(1, 9):
    train(model, device, train_loader, optimizer, epoch)
    test(model, device, test_loader)

# %% verify
model.eval()
with torch.no_grad():
    outputs = model(data[1300:]).numpy()
predicted = outputs.argmax(1)
actual = target[1300:].numpy()
