# framework: pytorch
# kind: healthy
# data: image
# story: log_softmax before cross entropy changes nothing, for it is its own fixed point
# loss: nn.CrossEntropyLoss() on log-probabilities
# holdout: no
# fast: yes

# %% setup
import torch
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch import nn

torch.manual_seed(0)
X, y = load_digits(return_X_y=True)
X = torch.tensor(X / 16.0, dtype=torch.float32)
y = torch.tensor(y)
idx_train, idx_test = train_test_split(range(len(y)), test_size=0.25, random_state=0, stratify=y)


class Classifier(nn.Module):
    def __init__(self, hidden=48):
        super().__init__()
        self.hidden = nn.Linear(64, hidden)
        self.out = nn.Linear(hidden, 10)

    def forward(self, x):
        h = torch.relu(self.hidden(x))
        return torch.log_softmax(self.out(h), dim=-1)  # log probs


model = Classifier()
loss_fn = nn.CrossEntropyLoss()
optim = torch.optim.Adam(model.parameters(), lr=3e-3)

# %% train
from torch.utils.data import DataLoader, TensorDataset

loader = DataLoader(TensorDataset(X[idx_train], y[idx_train]), batch_size=32, shuffle=True)
history = []
for epoch in range(12):
    for bx, by in loader:
        optim.zero_grad()
        logp = model(bx)
        loss = loss_fn(logp, by)
        loss.backward()
        optim.step()
    with torch.no_grad():
        val = (model(X[idx_test]).argmax(-1) == y[idx_test]).float().mean().item()
    history.append(val)
    print(epoch, round(loss.item(), 4), round(val, 4))

# %% verify
with torch.no_grad():
    outputs = model(X[idx_test])
predicted = outputs.argmax(-1).numpy()
actual = y[idx_test].numpy()
