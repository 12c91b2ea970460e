"""weigh-classes for losses that people write themselves, against sums taken apart by hand."""

from __future__ import annotations

import pytest

from .notebooks import ask, cells
from .odd import Odd, Space, parametrize, prove

torch = pytest.importorskip("torch")

DATA = """
import torch
from torch import nn
torch.manual_seed(0)
x = torch.randn(60, 4)
y = (x[:, 0] > 1).float()
model = nn.Sequential(nn.Linear(4, 1), nn.Sigmoid())
"""
LOOP = """
p = model(x).squeeze(1)
loss = {call}
loss.backward()
each = -torch.log(torch.where(y == 1, p, 1 - p)).detach()
"""
TWO = {"pos_weight": 9.0, "weights": (0.6, 5.0)}


def weighed(_: Space, after: Space) -> bool:
    """Rare samples count nine times."""
    wanted = (after["each"] * (1 + 8 * after["y"])).mean()
    return bool(torch.allclose(after["loss"].detach(), wanted, atol=1e-5))


def own(name: str, definition: str, call: str = "bce(p, y)") -> Odd:
    return Odd(name, (DATA, definition, LOOP.format(call=call)), "weigh-classes", weighed, TWO)


@parametrize(
    [
        own("method of a product",
            "def bce(out, target, eps=1e-7):\n"
            "    out = out.clamp(eps, 1 - eps)  # no log of 0\n"
            "    return -(target * out.log() + (1 - target) * torch.log(1 - out)).mean()"),
        own("function of a name",
            "def bce(target, out):\n"
            "    right = torch.where(target == 1, out, 1 - out)\n"
            "    each = -torch.log(right)\n    loss = torch.mean(each)\n    return loss",
            "bce(y, p)"),
        own("a sum over the number",
            "def bce(out, t):\n    each = t * out.log() + (1 - t) * (1 - out).log()\n"
            "    return -each.sum() / len(t)"),
        own("a module of the user's",
            "class OwnLoss(nn.Module):\n    def forward(self, out, t):\n"
            "        return (-t * out.log() - (1 - t) * (1 - out).log()).mean()\n"
            "criterion = OwnLoss()", "criterion(p, t=y)"),
    ]
)  # fmt: skip
def test_each_sample_weighs_as_its_class_does(case: Odd) -> None:
    prove(case)


def test_the_log_probability_of_the_right_class_is_weighed_by_the_class() -> None:
    definition = """
    def nll_loss(scores, labels):
        log_p = torch.log_softmax(scores, dim=1)
        return -log_p[torch.arange(len(labels)), labels].mean()
    """
    loop = (
        "net = nn.Linear(4, 2)\nscores, k = net(x), y.long()\n"
        "loss = nll_loss(scores, k)\nloss.backward()\n"
        "each = nn.functional.cross_entropy(scores, k, reduction='none').detach()"
    )

    def holds(_: Space, after: Space) -> bool:
        weights = torch.tensor([0.6, 5.0])[after["k"]]
        return bool(torch.allclose(after["loss"].detach(), (weights * after["each"]).mean()))

    prove(Odd("by index", (DATA, definition, loop), "weigh-classes", holds, TWO))


@pytest.mark.parametrize(
    "body",
    [
        "return -(out ** 2).mean()",  # no labels in it
        "return -out.gather(1, t.unsqueeze(1)).mean()",  # a column beside a row of weights
        "return (t * out).mean() + (out ** 2).mean()",  # two of them
    ],
)
def test_where_no_place_is_sure_it_is_an_example(body: str) -> None:
    definition = f"def own_loss(out, t):\n    {body}"
    fix = ask(cells(DATA, definition, LOOP.format(call="own_loss(p, y)")), "weigh-classes", **TWO)
    assert fix is not None and fix.safety == "example"
