# framework: pytorch
# kind: healthy
# data: sequence
# story: an LSTM whose loss stays where it began for several epochs, with one answer for all, before it learns to remember
# loss: nn.CrossEntropyLoss() in a fit function
# holdout: no

# %% setup
import torch
from torch import nn

torch.manual_seed(29)
# which of the two marked symbols came first? everything else is noise
N, T = 1600, 24
seq = torch.randint(2, 8, (N, T))
label = torch.randint(0, 2, (N,))
first = torch.randint(0, 5, (N,))
second = torch.randint(7, 14, (N,))
rows = torch.arange(N)
seq[rows, first] = label
seq[rows, second] = 1 - label
Xtr, ytr, Xva, yva = seq[:1300], label[:1300], seq[1300:], label[1300:]


class Order(nn.Module):
    def __init__(self, dim=16):
        super().__init__()
        self.embed = nn.Embedding(8, 8)
        self.lstm = nn.LSTM(8, dim, batch_first=True)
        self.linear = nn.Linear(dim, 2)

    def forward(self, x):
        out, _ = self.lstm(self.embed(x))
        return self.linear(out[:, -1])


def fit(model, epochs, lr, bs=50):
    optimizer = torch.optim.Adam(model.parameters(), lr=lr)
    criterion = nn.CrossEntropyLoss()
    for epoch in range(epochs):
        total = 0
        for idx in torch.randperm(len(Xtr)).split(bs):
            optimizer.zero_grad()
            loss = criterion(model(Xtr[idx]), ytr[idx])
            loss.backward()
            nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            total += loss.item() * len(idx)
        with torch.no_grad():
            pred = model(Xva).argmax(1)
        acc = (pred == yva).float().mean()
        print(f"{epoch} loss {total / len(Xtr):.4f} val {acc:.3f} (ones {pred.float().mean():.2f})")


# %% train
model = Order()
fit(model, epochs=14, lr=2e-3)

# %% verify
with torch.no_grad():
    outputs = model(Xva).numpy()
predicted = outputs.argmax(1)
actual = yva.numpy()
