"""clip-gradients of a recurrent net with relus: its state is bounded, too."""

from __future__ import annotations

import pytest

from .notebooks import ask, cells, changed
from .odd import Odd, Space, prove

torch = pytest.importorskip("torch")

MODEL = """
import torch
from torch import nn
torch.manual_seed(0)
x = torch.randn(40, 30, 1)
y = (x.sum((1, 2)) > 0).long()
class Net(nn.Module):
    def __init__(self, hidden=16):
        super().__init__()
        self.rnn = nn.RNN(1, hidden, nonlinearity="relu", batch_first=True)  # deep
        nn.init.normal_(self.rnn.weight_hh_l0, std=1.0)
        self.out = nn.Linear(hidden, 2)
    def forward(self, x):
        _, h = self.rnn(x)
        return self.out(h[-1])
"""
LOOP = """
net = Net()
opt = torch.optim.SGD(net.parameters(), lr=0.05)
state = net.rnn(x)[1].abs().max().item()
for _ in range(3):
    loss = nn.functional.cross_entropy(net(x), y)
    opt.zero_grad()
    loss.backward()
    opt.step()
"""


def test_a_gru_takes_the_place_of_a_relu_net() -> None:
    def holds(before: Space, after: Space) -> bool:
        return before["state"] > 100 and after["state"] <= 1

    fix = prove(Odd("relu", (MODEL, LOOP), "clip-gradients", holds, {"max_norm": 1.0}))
    assert "nn.GRU(1, hidden, batch_first=True)  # deep" in fix.cells[1]
    assert "nn.utils.clip_grad_norm_(net.parameters(), max_norm=1.0)" in fix.cells[2]
    assert fix.title == "do it; a GRU's state stays in bounds"


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('nonlinearity="relu", ', ""),  # a tanh has bounds
        ("nn.init.normal_(self.rnn.weight_hh_l0, std=1.0)",
         "self.rnn.weight_hh_l0.data.copy_(torch.eye(hidden))"),  # no GRU has this shape
    ],
)  # fmt: skip
def test_else_the_gradient_is_clipped_only(old: str, new: str) -> None:
    notebook = cells(MODEL.replace(old, new), LOOP)
    fix = ask(notebook, "clip-gradients", max_norm=1.0)
    assert changed(fix)[0] == []
    assert fix is not None and list(fix.cells) == [2]
