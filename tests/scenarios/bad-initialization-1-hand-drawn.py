# framework: pytorch
# kind: faulty
# cause: bad-initialization
# also: vanishing-gradients, learning-rate-too-low, not-learning
# data: tabular
# story: weights drawn with a standard deviation of three saturate every tanh unit of a network made by hand
# loss: F.cross_entropy on the output of a function
# holdout: yes

# %% setup
import torch
import torch.nn.functional as F
from sklearn.datasets import make_classification

torch.manual_seed(71)
X, y = make_classification(
    2400, 24, n_informative=12, n_redundant=0, n_classes=3, class_sep=1.6, random_state=71
)
X = torch.tensor((X - X.mean(0)) / X.std(0), dtype=torch.float32)
y = torch.tensor(y)

# %% weights
SIZES = [24, 48, 48, 48, 3]


def draw(n_in, n_out, std=3.0):
    w = std * torch.randn(n_in, n_out)
    return w.requires_grad_(), torch.zeros(n_out, requires_grad=True)


params = [draw(a, b) for a, b in zip(SIZES, SIZES[1:])]


def forward(x):
    for w, b in params[:-1]:
        x = torch.tanh(x @ w + b)
    w, b = params[-1]
    return x @ w + b


# %% train
opt = torch.optim.SGD([p for pair in params for p in pair], lr=0.02)
for epoch in range(10):
    losses = []
    for rows in torch.randperm(1800).split(36):
        loss = F.cross_entropy(forward(X[rows]), y[rows])
        opt.zero_grad()
        loss.backward()
        opt.step()
        losses.append(loss.item())
    print(epoch, sum(losses) / len(losses))

# %% verify
with torch.no_grad():
    outputs = forward(X[1800:])
predicted = outputs.argmax(1).numpy()
actual = y[1800:].numpy()

# %% fix weights
SIZES = [24, 48, 48, 48, 3]


def draw(n_in, n_out, std=3.0):
    w = torch.randn(n_in, n_out) / n_in**0.5
    return w.requires_grad_(), torch.zeros(n_out, requires_grad=True)


params = [draw(a, b) for a, b in zip(SIZES, SIZES[1:])]


def forward(x):
    for w, b in params[:-1]:
        x = torch.tanh(x @ w + b)
    w, b = params[-1]
    return x @ w + b
