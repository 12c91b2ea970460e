# framework: pytorch
# kind: healthy
# data: tabular
# story: teacher, then student by distillation: two models and optimizers, soft targets at the end
# loss: nn.CrossEntropyLoss() for the teacher, F.kl_div for the student
# holdout: yes

# %% setup
import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import load_digits

torch.manual_seed(90)
X, y = load_digits(return_X_y=True)
X, y = torch.tensor(X / 16, dtype=torch.float32), torch.tensor(y)
order = torch.randperm(len(y))
X, y = X[order], y[order]
Xtr, ytr, Xte, yte = X[:1400], y[:1400], X[1400:], y[1400:]

teacher = nn.Sequential(nn.Linear(64, 128), nn.ReLU(), nn.Linear(128, 10))
student = nn.Sequential(nn.Linear(64, 12), nn.ReLU(), nn.Linear(12, 10))
TEMP = 3.0

# %% train
ce = nn.CrossEntropyLoss(label_smoothing=0.05)
opt_t = torch.optim.Adam(teacher.parameters(), lr=3e-3)
for epoch in range(8):
    for i in range(0, 1400, 50):
        loss = ce(teacher(Xtr[i : i + 50]), ytr[i : i + 50])
        opt_t.zero_grad()
        loss.backward()
        opt_t.step()
print("teacher", (teacher(Xte).argmax(1) == yte).float().mean().item())

opt_s = torch.optim.Adam(student.parameters(), lr=5e-3)
for epoch in range(15):
    for i in range(0, 1400, 50):
        with torch.no_grad():
            soft = F.softmax(teacher(Xtr[i : i + 50]) / TEMP, dim=1)
        log_p = F.log_softmax(student(Xtr[i : i + 50]) / TEMP, dim=1)
        kd = F.kl_div(log_p, soft, reduction="batchmean") * TEMP**2
        opt_s.zero_grad()
        kd.backward()
        opt_s.step()
print("student", (student(Xte).argmax(1) == yte).float().mean().item())

# %% verify
with torch.no_grad():
    outputs = student(Xte)
predicted = outputs.argmax(1).numpy()
actual = yte.numpy()
