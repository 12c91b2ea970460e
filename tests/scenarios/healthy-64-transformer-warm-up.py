# framework: pytorch
# kind: healthy
# data: sequence
# story: a small transformer with the warm-up of the original paper: hardly any learning rate at first
# loss: F.cross_entropy, LambdaLR stepped per batch, norm clipped
# holdout: yes

# %% setup
import torch
import torch.nn.functional as F
from torch import nn

torch.manual_seed(66)
# brackets: did the opening one (6) come before the closing one (7)?
T = 12
x = torch.randint(0, 6, (2400, T))
at = torch.rand(2400, T).argsort(1)[:, :2]
x.scatter_(1, at[:, :1], 6).scatter_(1, at[:, 1:], 7)
y = (at[:, 0] < at[:, 1]).long()


class OrderNet(nn.Module):
    def __init__(self, d=32):
        super().__init__()
        self.emb = nn.Embedding(8, d)
        self.pos = nn.Parameter(torch.randn(T, d) * 0.1)
        layer = nn.TransformerEncoderLayer(d, 4, 64, dropout=0.1, batch_first=True, norm_first=True)
        self.enc = nn.TransformerEncoder(layer, 1, enable_nested_tensor=False)
        self.cls = nn.Linear(d, 2)

    def forward(self, x):
        return self.cls(self.enc(self.emb(x) + self.pos).mean(1))


WARM = 150


def rate(step):
    step += 1
    return min(step / WARM, (WARM / step) ** 0.5)


# %% train
net = OrderNet()
opt = torch.optim.AdamW(net.parameters(), lr=3e-3, weight_decay=0.01)
sched = torch.optim.lr_scheduler.LambdaLR(opt, rate)
for epoch in range(8):
    net.train()
    total = 0.0
    for idx in torch.randperm(2000).split(50):
        loss = F.cross_entropy(net(x[idx]), y[idx])
        opt.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        opt.step()
        sched.step()
        total += loss.item() / 40
    net.eval()
    with torch.no_grad():
        acc = (net(x[2000:]).argmax(1) == y[2000:]).float().mean()
    print(f"epoch {epoch} lr {sched.get_last_lr()[0]:.5f} loss {total:.3f} acc {acc:.3f}")

# %% verify
net.eval()
with torch.no_grad():
    outputs = net(x[2000:]).numpy()
predicted = outputs.argmax(1)
actual = y[2000:].numpy()
