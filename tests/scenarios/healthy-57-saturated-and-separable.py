# framework: pytorch
# kind: healthy
# data: tabular
# story: classes that are far apart: sigmoids saturate at 0 and 1, gradients vanish because there is nothing left to learn
# loss: F.binary_cross_entropy on sigmoid outputs, (N, 1) against (N, 1), batches of five
# holdout: no

# %% setup
import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import make_blobs

torch.manual_seed(52)
X, y = make_blobs(800, centers=[[-3, -3, 0], [3, 3, 1]], cluster_std=0.7, random_state=52)
X = torch.tensor(X, dtype=torch.float32)
y = torch.tensor(y, dtype=torch.float32).unsqueeze(1)


class Perceptron(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc1 = nn.Linear(3, 8)
        self.fc2 = nn.Linear(8, 1)

    def forward(self, x):
        return torch.sigmoid(self.fc2(torch.tanh(self.fc1(x))))


net = Perceptron()

# %% train
opt = torch.optim.Adam(net.parameters(), lr=0.05)
for epoch in range(6):
    for xb, yb in zip(X[:600].split(5), y[:600].split(5)):
        p = net(xb)
        loss = F.binary_cross_entropy(p, yb)
        opt.zero_grad()
        loss.backward()
        opt.step()
    print(epoch, loss.item(), "min/max prob", p.min().item(), p.max().item())

# %% verify
with torch.no_grad():
    outputs = net(X[600:]).squeeze(1).numpy()
predicted = (outputs > 0.5).astype(int)
actual = y[600:].squeeze(1).numpy().astype(int)
