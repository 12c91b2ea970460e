# framework: pytorch
# kind: faulty
# cause: dead-relu
# also: unscaled-inputs, bad-initialization, learning-rate-too-high
# data: image
# story: weights made by hand are shifted below zero, so no digit gets through the first relu
# loss: F.cross_entropy in a function
# holdout: no

# %% setup
import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits

torch.manual_seed(14)
digits = load_digits()
pixels = torch.tensor(digits.data, dtype=torch.float32) / 16
answer = torch.tensor(digits.target)
mixed = torch.randperm(len(pixels))
train_rows, test_rows = mixed[:1400], mixed[1400:]


# %% weights
def new_weights(n_in, n_out, scale=0.15):
    # rand is 0..1, move it so that weights can be negative too
    return ((torch.rand(n_in, n_out) - 1.1) * scale).requires_grad_()


w1, b1 = new_weights(64, 48), torch.zeros(48, requires_grad=True)
w2 = (torch.randn(48, 10) * 0.15).requires_grad_()
b2 = torch.zeros(10, requires_grad=True)


def forward(x):
    hidden = F.relu(x @ w1 + b1)
    return hidden @ w2 + b2


# %% train
opt = torch.optim.SGD([w1, b1, w2, b2], lr=0.1, momentum=0.9)
for epoch in range(12):
    for rows in train_rows[torch.randperm(len(train_rows))].split(35):
        loss = F.cross_entropy(forward(pixels[rows]), answer[rows])
        opt.zero_grad()
        loss.backward()
        opt.step()
    if epoch % 3 == 2:
        print(epoch + 1, loss.item())

# %% verify
with torch.no_grad():
    outputs = forward(pixels[test_rows])
predicted = outputs.argmax(1).numpy()
actual = answer[test_rows].numpy()


# %% fix weights
def new_weights(n_in, n_out, scale=0.15):
    return ((torch.rand(n_in, n_out) - 0.5) * 2 * scale).requires_grad_()


w1, b1 = new_weights(64, 48), torch.zeros(48, requires_grad=True)
w2 = (torch.randn(48, 10) * 0.15).requires_grad_()
b2 = torch.zeros(10, requires_grad=True)


def forward(x):
    hidden = F.relu(x @ w1 + b1)
    return hidden @ w2 + b2
