# framework: pytorch
# kind: healthy
# data: sequence
# story: a recurrent net predicts one value for some epochs, then learns
# loss: nn.BCEWithLogitsLoss() in the cell
# holdout: yes

# %% setup
import torch
from torch import nn

torch.manual_seed(6)
T = 20
bits = torch.randint(0, 2, (2400, T))
target = bits[:, 3].float()  # which bit came fourth?
inputs = bits.float().unsqueeze(-1) * 2 - 1


class Reader(nn.Module):
    def __init__(self):
        super().__init__()
        self.gru = nn.GRU(1, 24, batch_first=True)
        self.head = nn.Linear(24, 1)

    def forward(self, x):
        return self.head(self.gru(x)[0][:, -1])[:, 0]


# %% train
model = Reader()
optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
loss_fn = nn.BCEWithLogitsLoss()
for epoch in range(14):
    for i in range(0, 2000, 40):
        loss = loss_fn(model(inputs[i : i + 40]), target[i : i + 40])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    with torch.no_grad():
        right = ((model(inputs[2000:]) > 0) == target[2000:].bool()).float().mean()
    print(f"{epoch:2d} {loss.item():.3f} {right:.3f}")

# %% verify
with torch.no_grad():
    outputs = model(inputs[2000:]).numpy()
predicted = (outputs > 0).astype(int)
actual = target[2000:].numpy().astype(int)
