# framework: pytorch
# kind: healthy
# data: tabular
# story: a single linear layer whose loss stops at .4, because nobody could tell these classes apart any better
# loss: F.binary_cross_entropy_with_logits in a closure for the step
# holdout: yes

# %% setup
import torch
import torch.nn.functional as F
from torch import nn

torch.manual_seed(179)
N = 5000
x = torch.randn(N, 12)
true_weights = torch.tensor([1.6, -1.3, 1.0, 0.7, -0.5] + 7 * [0.0])
pass_exam = torch.bernoulli(torch.sigmoid(x @ true_weights))

# %% train
logistic = nn.Linear(12, 1)
nn.init.zeros_(logistic.weight)
nn.init.zeros_(logistic.bias)
opt = torch.optim.SGD(logistic.parameters(), lr=0.2)
for epoch in range(8):
    total = 0.0
    for rows in torch.randperm(4000).split(40):
        opt.zero_grad()
        loss = F.binary_cross_entropy_with_logits(logistic(x[rows]).squeeze(1), pass_exam[rows])
        loss.backward()
        opt.step()
        total += loss.item() / 100
    print(f"epoch {epoch + 1}: {total:.4f}")
print(logistic.weight.data)

# %% verify
with torch.no_grad():
    outputs = logistic(x[4000:]).squeeze(1).numpy()
predicted = (outputs > 0).astype(int)
actual = pass_exam[4000:].int().numpy()
