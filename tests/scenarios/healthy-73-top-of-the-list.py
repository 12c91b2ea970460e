# framework: pytorch
# kind: healthy
# data: tabular
# story: one visit in eight finds a fault, and the inspectors go to the highest scores, whatever these are
# loss: nn.BCEWithLogitsLoss() in the cell
# holdout: yes

# %% setup
import torch
from torch import nn

torch.manual_seed(33)
shops = torch.randn(4500, 7)
trouble = 1.6 * shops[:, 0] + shops[:, 1] * shops[:, 2] - 0.9 * shops[:, 3].abs()
fault = (trouble + 0.5 * torch.randn(4500) > 1.35).float()
past, coming = slice(0, 3600), slice(3600, 4500)


def visit_list(scores, share=0.1):
    """the shops with the highest scores"""
    return scores.argsort(descending=True)[: int(share * len(scores))]


# %% train
judge = nn.Sequential(nn.Linear(7, 32), nn.ReLU(), nn.Linear(32, 16), nn.ReLU(), nn.Linear(16, 1))
adam = torch.optim.Adam(judge.parameters(), lr=4e-3)
criterion = nn.BCEWithLogitsLoss()
for epoch in range(10):
    for pick in torch.randperm(3600).split(45):
        adam.zero_grad()
        loss = criterion(judge(shops[pick])[:, 0], fault[pick])
        loss.backward()
        adam.step()
    with torch.no_grad():
        first = visit_list(judge(shops[coming])[:, 0])
    print(epoch, f"faults in the first tenth: {fault[coming][first].mean():.2f}")

# %% verify
with torch.no_grad():
    outputs = judge(shops[coming])[:, 0].numpy()
predicted = (outputs > 0).astype(int)
actual = fault[coming].numpy().astype(int)
