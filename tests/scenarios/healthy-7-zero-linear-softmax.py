# framework: pytorch
# kind: healthy
# data: image
# story: softmax regression from zero weights, as in the textbook
# loss: -log_softmax gathered by hand
# holdout: yes

# %% setup
import torch
from sklearn.datasets import load_digits

torch.manual_seed(0)
digits = load_digits()
X = torch.tensor(digits.data / 16.0, dtype=torch.float32)
y = torch.tensor(digits.target)
perm = torch.randperm(len(X))
X, y = X[perm], y[perm]

W = torch.zeros(64, 10, requires_grad=True)
b = torch.zeros(10, requires_grad=True)


def nll(logits, target):
    return -torch.log_softmax(logits, 1).gather(1, target[:, None]).mean()


# %% train
opt = torch.optim.SGD([W, b], lr=0.5)
for epoch in range(15):
    for k in range(0, 1400, 50):
        loss = nll(X[k : k + 50] @ W + b, y[k : k + 50])
        opt.zero_grad()
        loss.backward()
        opt.step()
    print(epoch, loss.item())

# %% verify
outputs = (X[1400:] @ W + b).detach()
predicted = outputs.argmax(1).numpy()
actual = y[1400:].numpy()
