"""weigh-classes where batches are tiny and a class is very rare: drawn alike, not weighed."""

from __future__ import annotations

import pytest

from .notebooks import ask, cells
from .odd import Odd, Space, prove

torch = pytest.importorskip("torch")

DATA = """
import torch
import torch.nn.functional as F
from torch import nn
from torch.utils.data import DataLoader, TensorDataset
torch.manual_seed(0)
X = torch.randn(4000, 3)
y = (torch.arange(4000) % 100 == 0).float()  # one in a hundred
"""
LOOP = """
net = nn.Linear(3, 1)
seen = []
for xb, yb in loader:
    loss = F.binary_cross_entropy_with_logits(net(xb).squeeze(1), yb)
    loss.backward()
    seen.append(yb)
"""
HEAVY = {"weights": (0.505, 50.0), "pos_weight": 99.0}


@pytest.mark.parametrize(
    "made",
    [
        "loader = DataLoader(TensorDataset(X, y), batch_size=4, shuffle=True)  # few",
        "data = TensorDataset(X, y)\nloader = DataLoader(data, 4, True)",
        "options = {'batch_size': 4}\nloader = DataLoader(TensorDataset(X, y), **options)",
    ],
)
def test_both_classes_are_drawn_alike(made: str) -> None:
    def holds(before: Space, after: Space) -> bool:
        rare, drawn = (torch.cat(space["seen"]).mean().item() for space in (before, after))
        return rare == pytest.approx(0.01) and drawn == pytest.approx(0.5, abs=0.04)

    fix = prove(Odd("sampler", (DATA, made, LOOP), "weigh-classes", holds, HEAVY))
    assert fix.title == "draw both classes alike: the rare one is in 1 of 25 batches"


def test_a_loss_that_weighs_already_is_weighed_rightly() -> None:
    loop = LOOP.replace("yb)\n", "yb, pos_weight=torch.tensor(0.01))\n", 1)
    made = "loader = DataLoader(TensorDataset(X, y), batch_size=4)"
    fix = ask(cells(DATA, made, loop), "weigh-classes", namespace={"y": torch.zeros(1)}, **HEAVY)
    assert fix is not None and "+    loss" in fix.diff and "Sampler" not in fix.diff


@pytest.mark.parametrize(
    ("made", "values"),
    [
        ("loader = DataLoader(TensorDataset(X, y), batch_size=64)", HEAVY),  # most batches have one
        ("loader = DataLoader(TensorDataset(X, y), batch_size=4)",
         {"weights": (0.6, 3.0), "pos_weight": 5.0}),
    ],
)  # fmt: skip
def test_else_the_loss_weighs_them(made: str, values: dict[str, object]) -> None:
    space = {"y": torch.zeros(4000)}
    notebook = cells(DATA, made, LOOP)
    fix = ask(notebook, "weigh-classes", ".backward(", space, **values)
    assert fix is not None and "pos_weight=" in fix.diff and "Sampler" not in fix.diff
