# framework: pytorch
# kind: healthy
# data: tabular
# story: squared error on probabilities, on purpose (a Brier score), and it learns
# loss: nn.MSELoss() between softmax and one-hot rows
# holdout: no

# %% setup
import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import load_wine
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler

torch.manual_seed(5)
X, y = load_wine(return_X_y=True)
X_train, X_test, y_train, y_test = train_test_split(X, y, test_size=0.3, stratify=y, random_state=5)
scaler = StandardScaler().fit(X_train)
X_train = torch.tensor(scaler.transform(X_train), dtype=torch.float32)
X_test = torch.tensor(scaler.transform(X_test), dtype=torch.float32)
Y_train = F.one_hot(torch.tensor(y_train), 3).float()

net = nn.Sequential(nn.Linear(13, 16), nn.ReLU(), nn.Linear(16, 3), nn.Softmax(dim=1))
# we are scored by Brier, so train on it
brier = nn.MSELoss()
opt = torch.optim.Adam(net.parameters(), lr=0.01)

# %% train
dl = torch.utils.data.DataLoader(
    torch.utils.data.TensorDataset(X_train, Y_train), batch_size=16, shuffle=True
)
for epoch in range(30):
    for xb, yb in dl:
        opt.zero_grad()
        loss = brier(net(xb), yb)
        loss.backward()
        opt.step()
    if epoch % 5 == 4:
        print("epoch", epoch + 1, "brier", round(loss.item(), 4))

# %% verify
with torch.no_grad():
    outputs = net(X_test).numpy()
predicted = outputs.argmax(1)
actual = y_test
