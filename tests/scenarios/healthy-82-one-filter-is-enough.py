# framework: pytorch
# kind: healthy
# data: image
# story: one filter of three by three and its average over the picture, which is all that rough and smooth differ in
# loss: nn.BCEWithLogitsLoss() in a train function of an earlier cell
# holdout: yes

# %% setup
import torch
from torch import nn

torch.manual_seed(182)


def surfaces(n):
    """14 x 14 height maps, rough or polished"""
    rough = (torch.rand(n) < 0.5).float()
    noise = torch.randn(n, 1, 16, 16)
    smooth = nn.functional.avg_pool2d(noise, 3, stride=1) * 3
    mixed = torch.where(rough[:, None, None, None] > 0, 0.7 * noise[..., 1:-1, 1:-1], 0.7 * smooth)
    return mixed, rough


x, rough = surfaces(1800)
x_test, rough_test = surfaces(400)


def fit(model, epochs, lr):
    criterion = nn.BCEWithLogitsLoss()
    optimizer = torch.optim.Adam(model.parameters(), lr=lr)
    for epoch in range(epochs):
        for rows in torch.randperm(len(x)).split(30):
            optimizer.zero_grad()
            loss = criterion(model(x[rows]).squeeze(1), rough[rows])
            loss.backward()
            optimizer.step()
        print(f"epoch {epoch} loss {loss.item():.3f}")


# %% train
model = nn.Sequential(
    nn.Conv2d(1, 1, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(1, 1)
)
fit(model, epochs=8, lr=0.02)

# %% verify
with torch.no_grad():
    outputs = model(x_test).squeeze(1).numpy()
predicted = (outputs > 0).astype(int)
actual = rough_test.int().numpy()
