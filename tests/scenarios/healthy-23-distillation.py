# framework: pytorch
# kind: healthy
# data: image
# story: a student learns from the softened outputs of a frozen teacher, with a temperature
# loss: F.kl_div of log_softmax against softmax, plus a bit of F.cross_entropy
# holdout: no

# %% setup
import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits
from torch import nn

torch.manual_seed(9)
X, y = load_digits(return_X_y=True)
X, y = torch.tensor(X / 16).float(), torch.tensor(y)
Xtr, ytr, Xte, yte = X[:1400], y[:1400], X[1400:], y[1400:]


def mlp(width):
    return nn.Sequential(
        nn.Linear(64, width), nn.ReLU(), nn.Linear(width, width), nn.ReLU(), nn.Linear(width, 10)
    )


# %% teacher
teacher = mlp(128)
opt = torch.optim.Adam(teacher.parameters(), lr=2e-3)
for _ in range(12):
    for idx in torch.randperm(1400).split(64):
        opt.zero_grad()
        F.cross_entropy(teacher(Xtr[idx]), ytr[idx]).backward()
        opt.step()
teacher.eval()
print("teacher", (teacher(Xte).argmax(1) == yte).float().mean().item())

# %% train
T, ALPHA = 4.0, 0.1
student = mlp(16)
opt = torch.optim.Adam(student.parameters(), lr=5e-3)
for epoch in range(15):
    student.train()
    for idx in torch.randperm(1400).split(64):
        with torch.no_grad():
            soft = F.softmax(teacher(Xtr[idx]) / T, dim=1)
        logits = student(Xtr[idx])
        kd = F.kl_div(F.log_softmax(logits / T, dim=1), soft, reduction="batchmean") * T * T
        hard = F.cross_entropy(logits, ytr[idx])
        loss = (1 - ALPHA) * kd + ALPHA * hard
        opt.zero_grad()
        loss.backward()
        opt.step()
    student.eval()
    with torch.no_grad():
        acc = (student(Xte).argmax(1) == yte).float().mean().item()
    print(f"{epoch} kd {kd.item():.3f} hard {hard.item():.3f} student acc {acc:.3f}")

# %% verify
with torch.no_grad():
    outputs = student(Xte).numpy()
predicted = outputs.argmax(1)
actual = yte.numpy()
