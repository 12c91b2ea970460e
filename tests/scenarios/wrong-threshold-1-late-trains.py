# framework: pytorch
# kind: faulty
# cause: wrong-threshold
# data: tabular
# story: the helper that counts right answers comes from a notebook with one output per class
# loss: nn.BCEWithLogitsLoss() in a class with a run method
# holdout: yes

# %% imports
import torch
from torch import nn

torch.manual_seed(41)

# %% trains
N = 3000
weather = torch.randn(N, 5)
delay = 1.4 * weather[:, 0] - 1.1 * weather[:, 1] + 0.8 * weather[:, 2] * weather[:, 3]
late = (delay + 0.4 * torch.randn(N) > 0.2).float()
fit_part, check_part = slice(0, 2200), slice(2200, N)


# %% helpers
def right_answers(net, inputs, truth):
    net.eval()
    with torch.no_grad():
        outputs = net(inputs)
    _, predicted = torch.max(outputs, 1)
    net.train()
    return predicted, (predicted == truth.long()).sum().item()


class Run:
    def __init__(self, net, lr):
        self.net = net
        self.opt = torch.optim.Adam(net.parameters(), lr=lr)
        self.criterion = nn.BCEWithLogitsLoss()

    def epoch(self, inputs, truth, size=40):
        order = torch.randperm(len(inputs))
        for k in range(0, len(inputs), size):
            rows = order[k : k + size]
            loss = self.criterion(self.net(inputs[rows]), truth[rows].unsqueeze(1))
            self.opt.zero_grad()
            loss.backward()
            self.opt.step()
        return loss.item()


# %% train
net = nn.Sequential(nn.Linear(5, 32), nn.ReLU(), nn.Linear(32, 32), nn.ReLU(), nn.Linear(32, 1))
run = Run(net, lr=3e-3)
for e in range(8):
    loss = run.epoch(weather[fit_part], late[fit_part])
    _, right = right_answers(net, weather[check_part], late[check_part])
    print(e, round(loss, 4), right, "of", len(late[check_part]))  # loss falls, this does not move

# %% verify
predicted, _ = right_answers(net, weather[check_part], late[check_part])
predicted = predicted.numpy()
actual = late[check_part].long().numpy()


# %% fix helpers
def right_answers(net, inputs, truth):
    net.eval()
    with torch.no_grad():
        outputs = net(inputs)
    predicted = (outputs[:, 0] > 0).long()
    net.train()
    return predicted, (predicted == truth.long()).sum().item()


class Run:
    def __init__(self, net, lr):
        self.net = net
        self.opt = torch.optim.Adam(net.parameters(), lr=lr)
        self.criterion = nn.BCEWithLogitsLoss()

    def epoch(self, inputs, truth, size=40):
        order = torch.randperm(len(inputs))
        for k in range(0, len(inputs), size):
            rows = order[k : k + size]
            loss = self.criterion(self.net(inputs[rows]), truth[rows].unsqueeze(1))
            self.opt.zero_grad()
            loss.backward()
            self.opt.step()
        return loss.item()
