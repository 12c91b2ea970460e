# framework: pytorch
# kind: faulty
# cause: double-activation
# data: tabular
# story: the training step takes the probabilities that were meant for the users of the model
# loss: nn.CrossEntropyLoss() in a method, on the outcome of another method
# holdout: no

# %% setup
import torch
from torch import nn

torch.manual_seed(112)
SHOPS = 36
centres = 1.6 * torch.randn(SHOPS, 10)


def customers(n):
    shop = torch.randint(SHOPS, (n,))
    return centres[shop] + torch.randn(n, 10), shop


x, shop = customers(3000)
x_test, shop_test = customers(800)


# %% model
class ShopFinder(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(nn.Linear(10, 48), nn.ReLU(), nn.Linear(48, SHOPS))
        self.criterion = nn.CrossEntropyLoss()

    def forward(self, x):
        return self.body(x)

    def probabilities(self, x):
        return self(x).softmax(-1)

    def loss(self, x, shop):
        return self.criterion(self.probabilities(x), shop)


# %% train
finder = ShopFinder()
opt = torch.optim.SGD(finder.parameters(), lr=0.1, momentum=0.5)
for epoch in range(8):
    for rows in torch.randperm(len(x)).split(50):
        opt.zero_grad()
        loss = finder.loss(x[rows], shop[rows])
        loss.backward()
        opt.step()
    with torch.no_grad():
        top = finder.probabilities(x_test).argmax(1)
    print(
        f"epoch {epoch}: loss {loss.item():.3f}, accuracy {(top == shop_test).float().mean():.3f}"
    )

# %% verify
predicted = top.numpy()
actual = shop_test.numpy()


# %% fix model
class ShopFinder(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(nn.Linear(10, 48), nn.ReLU(), nn.Linear(48, SHOPS))
        self.criterion = nn.CrossEntropyLoss()

    def forward(self, x):
        return self.body(x)

    def probabilities(self, x):
        return self(x).softmax(-1)

    def loss(self, x, shop):
        return self.criterion(self(x), shop)
