"""Models as people write them, rewritten and executed: frozen, filled, wrongly built."""

from __future__ import annotations

import pytest

from .odd import Odd, Space, parametrize, prove

torch = pytest.importorskip("torch")
F, nn = torch.nn.functional, torch.nn

HEAD = """
import torch
import torch.nn.functional as F
from torch import nn, optim
torch.manual_seed(0)
X, y = torch.randn(64, 4), torch.arange(64) % 2
"""
NET = "net = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 2))"


FROZEN = (
    HEAD
    + """
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Linear(4, 8)
        self.head = nn.Linear(8, 2)

    def forward(self, x):
        return self.head(torch.relu(self.body(x)))

net = Net()
"""
)


def head_learns(_: Space, after: Space) -> bool:
    free = {name for name, p in after["net"].named_parameters() if p.requires_grad}
    return free >= {"head.weight", "head.bias"} and "body.weight" not in free


UNFREEZE = {"model": "net", "layer": "head"}


def frozen(name: str, how: str, **values: str) -> Odd:
    loop = "out = net(X.requires_grad_())\nloss = F.cross_entropy(out, y)\nloss.backward()"
    return Odd(name, (FROZEN, how, loop), "unfreeze", head_learns, {**UNFREEZE, **values}, most=0)


@parametrize(
    [
        frozen("a loop", "for p in net.parameters():\n    p.requires_grad = False  # keep"),
        frozen("one call", "net.requires_grad_(False)"),
        frozen("by name", "for name, p in net.named_parameters():\n"
               "    p.requires_grad = name.startswith('nothing')"),
        frozen("nested", "for p in net.parameters():\n    if p.ndim:\n        "
               "p.requires_grad_(False)\n!echo frozen"),
        frozen("which layer is not known", "for p in net.parameters(): p.requires_grad = False",
               layer=""),
    ]
)  # fmt: skip
def test_the_last_layer_learns(case: Odd) -> None:
    prove(case)


def random_start(before: Space, after: Space) -> bool:
    """As it is all weights of a layer are equal; with the fix they differ."""
    old, new = before["start"], after["start"]
    return bool(float(old.std()) < 1e-6 and float(new.std()) > 0.01)


BEGIN = "start = net[0].weight.detach().clone()\nloss = F.cross_entropy(net(X), y)\nloss.backward()"


LOOPED = """
start = net[0].weight.detach().clone()
for once in range(1):
    loss = F.cross_entropy(net(X), y)
    loss.backward()
    start = start if float(start.std()) else net[0].weight.detach().clone()
"""


def begun(name: str, how: str, lost: tuple[str, ...] = (), most: int = 3, at: str = BEGIN) -> Odd:
    cells_ = (HEAD + NET, how, at)
    values = {"model": "net", "layer": "0"}
    return Odd(name, cells_, "initialize-anew", random_start, values, lost=lost, most=most)


@parametrize(
    [
        begun("a loop", "for p in net.parameters():\n    nn.init.zeros_(p)  # from nothing",
              ("# from nothing",)),
        begun("applied", """
              def start_alike(layer, value=0.1):
                  if isinstance(layer, nn.Linear):
                      nn.init.constant_(layer.weight, value)  # alike

              net.apply(start_alike)  # all layers
              """, ("# all layers",)),
        begun("in its data", "net[0].weight.data.fill_(.2); net[0].bias.data.zero_()\n"
              "%time net[2].weight"),
        begun("under a condition", "for name, p in net.named_parameters():\n"
              "    if 'weight' in name:\n        p.data = torch.ones_like(p)"),
        begun("in a way of one's own", "with torch.no_grad():\n    net[0].weight *= 0", most=0,
              at=LOOPED),
    ]
)  # fmt: skip
def test_layers_begin_as_they_were_made(case: Odd) -> None:
    prove(case)


# -- what a model's structure shows --------------------------------------------------------------


def not_linear(before: Space, after: Space) -> bool:
    """As it is the outputs of a sum are the sum of the outputs; with the fix they are not."""

    def linear(space: Space) -> bool:
        net, a, b = space["net"], space["X"][:8], space["X"][8:16]
        with torch.no_grad():
            return torch.allclose(net(a) + net(b), net(a + b) + net(a * 0), atol=1e-4)

    return linear(before) and not linear(after)


def apart(before: Space, after: Space) -> bool:
    """As it is all samples get one answer; with the fix each gets its own."""
    with torch.no_grad():
        old, new = before["net"](before["used"]), after["net"](after["used"])
    return bool((old.std(0) < 1e-5).all()) and bool((new.std(0) > 1e-4).any())


STEP = "used = X\nfor _ in range(2):\n    loss = F.cross_entropy(net(X), y)\n    loss.backward()"


@parametrize(
    [
        Odd("layers in a row", (HEAD, """
            class Net(nn.Module):
                def __init__(self):
                    super().__init__()
                    self.first = nn.Linear(4, 8)
                    self.second = nn.Linear(8, 2)

                def forward(self, x):
                    x = self.first(x)  # up
                    return self.second(x)

            net = Net()
            """, STEP), "check-one-batch", not_linear),
        Odd("layers in a list", (HEAD, """
            net = nn.Sequential(
                nn.Linear(4, 8),  # up
                nn.Linear(8, 2),
            )
            """, STEP), "check-one-batch", not_linear),
        Odd("a mean over the batch", (HEAD, """
            class Net(nn.Module):
                def __init__(self):
                    super().__init__()
                    self.up, self.out = nn.Linear(4, 8), nn.Linear(8, 2)

                def forward(self, x):
                    z = torch.tanh(self.up(x))
                    z = z.mean(dim=0, keepdim=True).expand_as(z)  # pooled
                    return self.out(z)

            net = Net()
            """, STEP), "check-one-batch", apart),
        Odd("rows in place of columns", (HEAD, """
            def standardise(table, eps=1e-8):
                mean = table.mean(dim=1, keepdim=True)  # of the table
                return (table - mean) / (table.std(dim=1, keepdim=True, correction=0) + eps)

            rough = X[:, :1] * 9 + 3
            net = nn.Linear(1, 2)
            """, "used = standardise(rough)\nfor _ in range(2):\n"
            "    loss = F.cross_entropy(net(used), y)\n    loss.backward()"),
            "check-one-batch", apart),
        Odd("an augmentation", (HEAD, """
            def jitter(batch):
                return batch * (torch.rand(len(batch), 1) - 0.5).sign()  # mirrored

            net = nn.Sequential(nn.Linear(4, 2), nn.Tanh())
            """, "torch.manual_seed(1)\nused = X\nfor _ in range(2):\n"
            "    loss = F.cross_entropy(net(jitter(X)), y)\n    loss.backward()"),
            "check-one-batch", lambda _a, b: bool(torch.isclose(
                b["loss"], F.cross_entropy(b["net"](b["X"]), b["y"])))),
        Odd("a plain recurrent net", (HEAD, """
            class Net(nn.Module):
                def __init__(self, width = 3):
                    super().__init__()
                    self.read = nn.RNN(1, width,
                                       batch_first=True)  # reads
                    self.out = nn.Linear(width, 2)

                def forward(self, x):
                    return self.out(self.read(x[..., None])[0][:, -1])

            net = Net()
            """, STEP), "check-one-batch", lambda _a, b: type(b["net"].read) is nn.GRU),
    ]
)  # fmt: skip
def test_the_structure_is_mended(case: Odd) -> None:
    prove(case)


@parametrize(
    [
        Odd("blocks made by a helper", (HEAD, """
            def block(a, b): return nn.Sequential(nn.Linear(a, b), nn.ReLU())
            net = nn.Sequential(*[block(a, b) for a, b in ((4, 8), (8, 2))])  # blocks
            """, STEP), "drop-activation",
            lambda a, b: bool((a["net"](a["X"]) >= 0).all() and (b["net"](b["X"]) < 0).any()),
            {"activation": "ReLU", "loss": "cross_entropy"}, most=0),
    ]
)  # fmt: skip
def test_the_end_of_a_model_is_mended_behind_its_statement(case: Odd) -> None:
    prove(case)


def of_classes(_: Space, after: Space) -> bool:
    """Cross entropy over as many columns as there are classes."""
    labels = torch.arange(64) % 3
    return bool(torch.isclose(after["loss"], F.cross_entropy(after["out"], labels)))


@parametrize(
    [
        Odd("one output", (HEAD + "kinds = torch.arange(64) % 3", """
            net = nn.Sequential(nn.Linear(4, 8), nn.Tanh(), nn.Linear(8, 1))  # small
            criterion = nn.BCEWithLogitsLoss()
            """, """
            out = net(X)
            loss = criterion(out.squeeze(1), kinds.float())  # as asked for
            loss.backward()
            hit = ((out > 0).squeeze() == kinds)
            """.replace("(out > 0).squeeze()", "(out > 0)")), "widen-output", of_classes,
            {"classes": 3}, most=4),
        Odd("spread labels", (HEAD + "kinds = torch.arange(64) % 3", """
            net = nn.Linear(4, 3)
            def spread(labels, like):
                # the shapes must agree
                return labels.unsqueeze(1).expand_as(like).float()
            """, "out = net(X)\nloss = F.binary_cross_entropy_with_logits(\n"
            "    out, spread(kinds, out))\nloss.backward()"), "widen-output", of_classes,
            {"classes": 3}),
    ]
)  # fmt: skip
def test_outputs_get_one_unit_per_class(case: Odd) -> None:
    prove(case)
