"""Loops, optimizers and models as people write them, rewritten and executed."""

from __future__ import annotations

import pytest

from .odd import Odd, Space, parametrize, prove

torch = pytest.importorskip("torch")

HEAD = """
import torch
import torch.nn.functional as F
from torch import nn, optim
torch.manual_seed(0)
X, y = torch.randn(64, 4), torch.arange(64) % 2
norms, epochs = [], []
"""
NET = "net = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 2))"
OPT = "opt = optim.SGD(net.parameters(), lr=0.5)  # fast"
LOOP = """
%%watch_training
for epoch in range(3):
    for rows in torch.arange(64).split(16):
        opt.zero_grad()
        loss = F.cross_entropy(net(X[rows]), y[rows])
        loss.backward()
        opt.step()
    epochs.append(epoch)
"""


def rate(_: Space, after: Space) -> bool:
    return after["opt"].param_groups[0]["lr"] == pytest.approx(0.05)


SLOWER = {"factor": 0.1, "old": 0.5, "new": 0.05}


def slower(name: str, made: str, *loop: str) -> Odd:
    return Odd(name, (HEAD + NET, made, *(loop or (LOOP,))), "scale-learning-rate", rate, SLOWER)


@parametrize(
    [
        slower("by name", OPT),
        slower("second argument, over lines",
               "opt = optim.SGD(\n    net.parameters(),  # all of it\n    0.5,\n)"),
        slower("in a variable", "lr = 5e-1\nopt = torch.optim.SGD(net.parameters(), lr)"),
        slower("from a table of settings",
               "cfg = {'lr': .5}\nopt = optim.SGD(net.parameters(), lr=cfg['lr'])"),
        slower("class under another name",
               "from torch.optim import SGD as Descent\nopt = Descent(net.parameters(), lr = .5)"),
        slower("line continuation",
               "opt = optim.SGD(net.parameters(), \\\n                lr=0.5)\n!echo ready"),
        slower("groups", "opt = optim.SGD([\n    {'params': net[0].parameters(), 'lr': 0.5},\n"
               "    {'params': net[2].parameters(), 'lr': 0.5},  # head\n])"),
        slower(
            "in the constructor of a class",
            """
            class Trainer:
                def __init__(self, net, lr=0.5):
                    self.net = net
                    self.opt = optim.SGD(net.parameters(), lr=lr)

                def step(self, rows):
                    self.opt.zero_grad()
                    loss = F.cross_entropy(self.net(X[rows]), y[rows])
                    loss.backward()
                    self.opt.step()
            """,
            "trainer = Trainer(net)\ntrainer.step(torch.arange(8))\nopt = trainer.opt",
        ),
        slower("chosen with getattr",
               "kind = 'SGD'\nopt = getattr(optim, kind)(net.parameters(), lr=0.5)"),
    ]
)  # fmt: skip
def test_the_rate_is_the_measured_part(case: Odd) -> None:
    prove(case)


def clipped(_: Space, after: Space) -> bool:
    return max(after["norms"]) <= 0.01 + 1e-6


RECORD = "norms.append(torch.cat([p.grad.flatten() for p in net.parameters()]).norm().item())"


@parametrize(
    [
        Odd("a loop", (HEAD + NET + "\n" + OPT, LOOP.replace("        opt.step()",
            f"        # now the step\n        {RECORD}\n        opt.step()")),
            "clip-gradients", clipped, {"max_norm": 0.01}, most=0),
        Odd("semicolons", (HEAD + NET + "\n" + OPT,
            "for _ in range(2):\n    opt.zero_grad(); loss = F.cross_entropy(net(X), y); "
            f"loss.backward(); {RECORD}; opt.step()  # all"),
            "clip-gradients", clipped, {"max_norm": 0.01}, most=1),
        Odd("indented by two", (HEAD + NET + "\n" + OPT,
            "if True:\n  for _ in range(2):\n    loss = F.cross_entropy(net(X), y)\n"
            f"    (loss * 3).backward()\n    {RECORD}\n    opt.step(); opt.zero_grad()"),
            "clip-gradients", clipped, {"max_norm": 0.01}, most=0),
    ]
)  # fmt: skip
def test_the_gradient_is_clipped(case: Odd) -> None:
    prove(case)


def longer(_: Space, after: Space) -> bool:
    return len(after["epochs"]) == 30


@parametrize(
    [
        Odd("a number", (HEAD + NET + "\n" + OPT, LOOP), "train-longer", longer),
        Odd("a variable under tqdm", (HEAD + NET + "\n" + OPT,
            "N = 3\n" + LOOP.replace("%%watch_training", "from tqdm import tqdm").replace(
                "range(3)", "tqdm(range(N), disable=True)")), "train-longer", longer),
        Odd("from one", (HEAD + NET + "\n" + OPT, LOOP.replace("range(3)", "range(1, 3 + 1)")),
            "train-longer", lambda a, b: len(b["epochs"]) == 39 and len(a["epochs"]) == 3),
        Odd("in a function's caller", (HEAD + NET + "\n" + OPT, """
            def one_epoch():
                for rows in torch.arange(64).split(16):
                    loss = F.cross_entropy(net(X[rows]), y[rows])
                    loss.backward()
            """, "for i in range(3):\n    one_epoch()  # again\n    epochs.append(i)"),
            "train-longer", longer),
        Odd("broken off", (HEAD + NET + "\n" + OPT, LOOP.replace("range(3)", "range(30)") +
            "    if epoch > 1:\n        print('enough')\n        break  # patience\n"),
            "train-longer", longer, lost=("# patience",)),
    ]
)  # fmt: skip
def test_the_training_goes_on(case: Odd) -> None:
    prove(case)


@parametrize(
    [
        Odd("rounds", (HEAD + NET + "\n" + OPT, LOOP.replace("range(3)", "range(20)")),
            "stop-early", lambda a, b: len(b["epochs"]) == 5, {"best_step": 20, "steps": 80}),
        Odd("rounds in a variable", (HEAD + NET + "\n" + OPT, "EPOCHS = 20  # a guess\n" + LOOP
            .replace("range(3)", "range(EPOCHS)").replace("%%watch_training", "")), "stop-early",
            lambda a, b: len(b["epochs"]) == 5, {"best_step": 18, "steps": 80}),
    ]
)  # fmt: skip
def test_the_training_ends_where_validation_was_best(case: Odd) -> None:
    prove(case)


def moved(before: Space, after: Space) -> bool:
    """The weights stand still as it is, and move with the fix."""
    return bool((before["start"] == before["net"][0].weight).all()) and bool(
        (after["start"] != after["net"][0].weight).any()
    )


KEEP = "\nstart = net[0].weight.detach().clone()"
GRAPH = HEAD + NET + KEEP + "\n" + OPT


@parametrize(
    [
        Odd("no step", (GRAPH, LOOP.replace("        opt.step()\n", "")), "make-step", moved,
            most=0),
        Odd("a step without brackets", (GRAPH, LOOP.replace("opt.step()", "opt.step  # now")),
            "make-step", moved),
        Odd("detach", (GRAPH, LOOP.replace("net(X[rows])", "net[2](net[:2](X[rows]).detach())")),
            "join-graph", moved),
        Odd("through an array", (GRAPH.replace(KEEP, KEEP + "\nimport numpy as np"), """
            for rows in torch.arange(64).split(16):
                z = net[:2](X[rows]).detach().numpy()  # hidden
                z = (z - z.mean(0)) / (z.std(0) + 1e-6)
                out = net[2](torch.from_numpy(np.tanh(z).astype(np.float32)))
                loss = F.cross_entropy(out, y[rows])
                opt.zero_grad()
                loss.backward()
                opt.step()
            """.replace("np.tanh(z).astype", "z.astype")), "join-graph", moved),
        Odd("numbers of single outputs", (GRAPH, """
            def losses(rows):
                probabilities = [net(X[i]).softmax(0)[1].item() for i in rows]  # one by one
                return F.binary_cross_entropy(torch.tensor(probabilities), y[rows].float())

            for rows in torch.arange(64).split(16):
                loss = losses(rows)
                loss.requires_grad = True
                opt.zero_grad()
                loss.backward()
                opt.step()
            """), "join-graph", moved),
        Odd("without gradients", (GRAPH, """
            for rows in torch.arange(64).split(16):
                with torch.no_grad():  # saves memory
                    out = net(X[rows])
                loss = F.cross_entropy(out, y[rows])
                loss.requires_grad_()
                loss.backward()
                opt.step()
            """), "join-graph", moved),
    ]
)  # fmt: skip
def test_the_weights_move(case: Odd) -> None:
    prove(case)
