# framework: pytorch
# kind: faulty
# cause: learning-rate-too-high
# also: dead-relu, exploding-gradients
# data: image
# story: Adam with a rate of one half on a small convolutional network
# loss: nn.CrossEntropyLoss() in a class with fit
# holdout: no

# %% setup
import torch
import torch.nn as nn
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

torch.manual_seed(23)
digits = load_digits()
Xtr, Xte, ytr, yte = train_test_split(
    digits.images[:, None].astype("float32") / 16, digits.target, test_size=0.25, random_state=23
)
Xtr, Xte, ytr, yte = map(torch.from_numpy, (Xtr, Xte, ytr, yte))


class DigitsModel(nn.Module):
    def __init__(self):
        super().__init__()
        self.c1 = nn.Conv2d(1, 8, 3, padding=1)
        self.c2 = nn.Conv2d(8, 16, 3, padding=1)
        self.pool = nn.MaxPool2d(2)
        self.fc = nn.Linear(64, 10)

    def forward(self, x):
        x = self.pool(torch.relu(self.c1(x)))
        x = self.pool(torch.relu(self.c2(x)))
        return self.fc(torch.flatten(x, 1))

    def fit(self, x, y, lr, epochs=6, batch=45):
        opt = torch.optim.Adam(self.parameters(), lr=lr)
        crit = nn.CrossEntropyLoss()
        for e in range(epochs):
            perm = torch.randperm(len(x))
            tot = 0
            for i in range(0, len(x), batch):
                j = perm[i : i + batch]
                opt.zero_grad()
                l = crit(self(x[j]), y[j])
                l.backward()
                opt.step()
                tot += l.item()
            print(f"[{e}] {tot / (len(x) / batch):.4f}")
        return self


# %% train
LR = 0.5
model = DigitsModel().fit(Xtr, ytr, lr=LR)
with torch.no_grad():
    print("test acc", (model(Xte).argmax(1) == yte).float().mean().item())

# %% verify
with torch.no_grad():
    outputs = model(Xte)
predicted = outputs.argmax(1).numpy()
actual = yte.numpy()

# %% fix train
LR = 0.005
model = DigitsModel().fit(Xtr, ytr, lr=LR)
with torch.no_grad():
    print("test acc", (model(Xte).argmax(1) == yte).float().mean().item())
