# framework: pytorch
# kind: healthy
# data: tabular
# story: LBFGS on the full batch: a closure, several backwards per step
# loss: F.binary_cross_entropy_with_logits plus a hand-written L2 term, in a closure
# holdout: no

# %% setup
import torch
import torch.nn.functional as F
from sklearn.datasets import load_breast_cancer
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler

torch.manual_seed(0)
X, y = load_breast_cancer(return_X_y=True)
Xa, Xb, ya, yb = train_test_split(X, y, random_state=0, stratify=y)
sc = StandardScaler().fit(Xa)
Xa, Xb = (torch.tensor(sc.transform(Z), dtype=torch.float64) for Z in (Xa, Xb))
ya_t = torch.tensor(ya, dtype=torch.float64)

w = torch.zeros(30, dtype=torch.float64, requires_grad=True)
b = torch.zeros((), dtype=torch.float64, requires_grad=True)

# %% train
optimizer = torch.optim.LBFGS([w, b], lr=0.1, max_iter=5)


def closure():
    optimizer.zero_grad()
    loss = F.binary_cross_entropy_with_logits(Xa @ w + b, ya_t) + 1e-3 * (w**2).sum()
    loss.backward()
    return loss


for i in range(60):
    loss = optimizer.step(closure)
    if i % 10 == 0:
        print(i, loss.item(), w.grad.norm().item())

# %% verify
outputs = (Xb @ w + b).detach().numpy()
predicted = (outputs > 0).astype(int)
actual = yb
