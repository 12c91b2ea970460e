# framework: pytorch
# kind: healthy
# data: image
# story: softmax regression written by hand, whose weights start at zero as in the textbook
# loss: the negative log-likelihood by hand, from logsumexp
# holdout: no

# %% setup
import torch
from sklearn.datasets import load_digits

torch.manual_seed(0)
data = load_digits()
imgs = torch.tensor(data.data / 16, dtype=torch.float)
lbls = torch.tensor(data.target)
p = torch.randperm(len(imgs))
imgs, lbls = imgs[p], lbls[p]
n_train = 1400

W = torch.zeros(64, 10, requires_grad=True)
b = torch.zeros(10, requires_grad=True)


def nll(scores, labels):
    logp = scores - scores.logsumexp(dim=1, keepdim=True)
    return -logp[torch.arange(len(labels)), labels].mean()


# %% train
lr, bs = 0.5, 28
sgd = torch.optim.SGD([W, b], lr=lr)
for epoch in range(15):
    for start in range(0, n_train, bs):
        xb, yb = imgs[start : start + bs], lbls[start : start + bs]
        loss = nll(xb @ W + b, yb)
        sgd.zero_grad()
        loss.backward()
        sgd.step()
    with torch.no_grad():
        acc = ((imgs[n_train:] @ W + b).argmax(1) == lbls[n_train:]).float().mean()
    print(f"epoch {epoch} loss {loss:.3f} test accuracy {acc:.3f}")

# %% verify
outputs = (imgs[n_train:] @ W + b).detach().numpy()
predicted = outputs.argmax(1)
actual = lbls[n_train:].numpy()
