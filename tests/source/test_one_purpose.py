"""A number that two purposes read is changed for one of them only."""

from __future__ import annotations

import pytest

from .notebooks import ask, cells, changed

torch = pytest.importorskip("torch")

HEAD = """
import torch
import torch.nn.functional as F
from torch import nn, optim
x = torch.randn(40, 4); y = (x[:, 0] > 0).long()
"""
LOOP = """
for _ in range(2):
    opt.zero_grad()
    loss = F.cross_entropy(net(x), y)
    loss.backward()
    opt.step()
"""
DROPOUT = """
cfg = {"rate": 0.9, "keep": 0.1}
def block(p):
    print(p)
    return nn.Sequential(nn.Linear(4, 4), nn.Dropout(p))
net = nn.Sequential(block(cfg["rate"]), nn.Linear(4, 2))
opt = optim.SGD(net.parameters(), lr=cfg[KEY])
"""


@pytest.mark.parametrize(
    ("key", "row"),
    [
        ('"keep"', 'cfg = {"rate": 0.3, "keep": 0.1}'),
        ('"rate"', "return nn.Sequential(nn.Linear(4, 4), nn.Dropout(0.3))"),
    ],
)
def test_an_entry_that_is_the_learning_rate_too_stays(key: str, row: str) -> None:
    made = DROPOUT.replace("KEY", key)
    assert changed(ask(cells(HEAD, made, LOOP), "lower-dropout", old=0.9, new=0.3))[1] == [row]


def test_a_default_that_another_layer_reads_stays() -> None:
    made = """
    def build(p=0.9):
        return nn.Sequential(nn.Linear(4, 4), nn.Dropout(p), nn.LeakyReLU(p), nn.Linear(4, 2))
    net = build()
    opt = optim.SGD(net.parameters(), lr=0.1)
    """
    _, added = changed(ask(cells(HEAD, made, LOOP), "lower-dropout", old=0.9, new=0.3))
    assert added == [
        "return nn.Sequential(nn.Linear(4, 4), nn.Dropout(0.3), nn.LeakyReLU(p), nn.Linear(4, 2))"
    ]


@pytest.mark.parametrize(
    ("other", "row"),
    [
        ("", "kw = dict(lr=0.1, weight_decay=0.01)"),
        (
            "slow = optim.SGD([torch.zeros(1)], **kw)",
            'opt = optim.SGD(net.parameters(), **{**kw, "weight_decay": 0.01})',
        ),
    ],
)
def test_options_that_two_calls_unfold_are_changed_in_one(other: str, row: str) -> None:
    made = (
        "kw = dict(lr=0.1, weight_decay=3.0)\nnet = nn.Linear(4, 2)\n"
        f"opt = optim.SGD(net.parameters(), **kw)\n{other}"
    )
    fix = ask(cells(HEAD, made, LOOP), "lower-weight-decay", old=3.0, new=0.01)
    assert changed(fix)[1] == [row]
