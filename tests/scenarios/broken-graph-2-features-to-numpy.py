# framework: pytorch
# kind: faulty
# cause: broken-graph
# data: image
# story: the features are standardised in NumPy on their way to the classifier
# loss: F.cross_entropy in the cell
# holdout: no
# fast: yes

# %% setup
import numpy as np
import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits
from torch import nn

torch.manual_seed(12)
digits = load_digits()
imgs = torch.tensor(digits.images, dtype=torch.float32)[:, None] / 16
lab = torch.tensor(digits.target)
shuffled = torch.randperm(len(imgs))
tr, te = shuffled[:1300], shuffled[1300:]


class Extractor(nn.Module):
    def __init__(self):
        super().__init__()
        self.c1 = nn.Conv2d(1, 8, 3, stride=2)
        self.c2 = nn.Conv2d(8, 3, 3)

    def forward(self, x):
        return self.c2(torch.relu(self.c1(x))).flatten(1)


class Whole(nn.Module):
    def __init__(self):
        super().__init__()
        self.extract = Extractor()
        self.classify = nn.Linear(3, 10)

    def forward(self, x):
        z = self.extract(x).detach().numpy()
        z = (z - z.mean(0)) / (z.std(0) + 1e-6)  # whitened features train faster
        return self.classify(torch.from_numpy(z.astype(np.float32)))


# %% train
net = Whole()
optim = torch.optim.Adam(net.parameters(), lr=5e-3)
for epoch in range(25):
    for rows in tr[torch.randperm(len(tr))].split(50):
        optim.zero_grad()
        loss = F.cross_entropy(net(imgs[rows]), lab[rows])
        loss.backward()
        optim.step()
    if epoch % 5 == 4:
        print("epoch", epoch + 1, "loss", f"{loss.item():.3f}")

# %% verify
with torch.no_grad():
    outputs = net(imgs[te])
predicted = outputs.argmax(1).numpy()
actual = lab[te].numpy()

# %% fix setup
import numpy as np
import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits
from torch import nn

torch.manual_seed(12)
digits = load_digits()
imgs = torch.tensor(digits.images, dtype=torch.float32)[:, None] / 16
lab = torch.tensor(digits.target)
shuffled = torch.randperm(len(imgs))
tr, te = shuffled[:1300], shuffled[1300:]


class Extractor(nn.Module):
    def __init__(self):
        super().__init__()
        self.c1 = nn.Conv2d(1, 8, 3, stride=2)
        self.c2 = nn.Conv2d(8, 3, 3)

    def forward(self, x):
        return self.c2(torch.relu(self.c1(x))).flatten(1)


class Whole(nn.Module):
    def __init__(self):
        super().__init__()
        self.extract = Extractor()
        self.classify = nn.Linear(3, 10)

    def forward(self, x):
        z = self.extract(x)
        z = (z - z.mean(0)) / (z.std(0) + 1e-6)  # whitened features train faster
        return self.classify(z)
