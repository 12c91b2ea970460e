# framework: pytorch
# kind: healthy
# data: image
# story: an autoencoder whose code are two numbers, so that it can be drawn, and a classifier that reads nothing but this code
# loss: F.mse_loss plus F.cross_entropy, in one step
# holdout: no

# %% setup
import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits
from torch import nn

torch.manual_seed(180)
digits = load_digits(n_class=5)
order = torch.randperm(len(digits.target))
x = torch.tensor(digits.data, dtype=torch.float32)[order] / 16
y = torch.tensor(digits.target)[order]
x_train, y_train, x_test, y_test = x[:720], y[:720], x[720:], y[720:]


class Plane(nn.Module):
    """64 pixels -> a point of the plane -> 64 pixels, and five classes"""

    def __init__(self):
        super().__init__()
        self.encoder = nn.Sequential(nn.Linear(64, 48), nn.ReLU(), nn.Linear(48, 2))
        self.decoder = nn.Sequential(nn.Linear(2, 48), nn.ReLU(), nn.Linear(48, 64))
        self.classes = nn.Sequential(nn.Linear(2, 24), nn.ReLU(), nn.Linear(24, 5))

    def forward(self, x):
        point = self.encoder(x)
        return torch.sigmoid(self.decoder(point)), self.classes(point)


# %% train
net = Plane()
opt = torch.optim.Adam(net.parameters(), lr=4e-3)
for epoch in range(30):
    for rows in torch.randperm(len(x_train)).split(36):
        again, logits = net(x_train[rows])
        picture_loss = F.mse_loss(again, x_train[rows])
        class_loss = F.cross_entropy(logits, y_train[rows])
        opt.zero_grad()
        (picture_loss + 0.1 * class_loss).backward()
        opt.step()
    if epoch % 5 == 4:
        print(epoch + 1, f"pictures {picture_loss.item():.4f}, classes {class_loss.item():.4f}")

# %% verify
with torch.no_grad():
    outputs = net(x_test)[1]
predicted = outputs.argmax(1).numpy()
actual = y_test.numpy()
