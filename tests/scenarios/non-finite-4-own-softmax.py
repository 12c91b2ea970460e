# framework: pytorch
# kind: faulty
# cause: non-finite
# also: unscaled-inputs
# data: text
# story: exponentials of large scores overflow in a softmax by hand
# loss: minus the log of the label's share, by hand
# holdout: yes

# %% setup
import torch
from torch import nn

torch.manual_seed(115)
GENRES, TERMS = 5, 60
rates = torch.distributions.Gamma(0.4, 0.02).sample((GENRES, TERMS))


def books(n):
    """how often each term occurs in a book"""
    genre = torch.randint(GENRES, (n,))
    length = 0.3 + 1.5 * torch.rand(n, 1)
    wobble = torch.exp(0.5 * torch.randn(n, TERMS))
    return torch.poisson(rates[genre] * length * wobble), genre


x, genre = books(2000)
x_test, genre_test = books(500)


# %% loss
def softmax(z):
    e = torch.exp(z)
    return e / e.sum(dim=1, keepdim=True)


def nll(z, k):
    p = softmax(z)
    return -torch.log(p[torch.arange(len(k)), k]).mean()


# %% train
model = nn.Linear(TERMS, GENRES)
opt = torch.optim.Adam(model.parameters(), lr=2e-3)
for epoch in range(8):
    for rows in torch.randperm(len(x)).split(40):
        opt.zero_grad()
        loss = nll(model(x[rows]), genre[rows])
        loss.backward()
        opt.step()
    print("epoch", epoch, "loss", loss.item())

# %% verify
with torch.no_grad():
    predicted = model(x_test).argmax(1).numpy()
actual = genre_test.numpy()


# %% fix loss
def nll(z, k):
    return -torch.log_softmax(z, dim=1)[torch.arange(len(k)), k].mean()
