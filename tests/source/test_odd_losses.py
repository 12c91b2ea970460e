"""Losses as people write them, rewritten: aliases, inline, in classes, by string, over lines."""

from __future__ import annotations

import pytest

from .odd import Odd, Space, parametrize, prove

torch = pytest.importorskip("torch")
F = torch.nn.functional

WEIGHTS = [0.5, 1.0, 2.0]
DATA = """
!pip list --quiet
import torch
torch.manual_seed(0)
X, y = torch.randn(60, 4), torch.arange(60) % 3
weights = torch.randn(4, 3, requires_grad=True)
"""
STEP = "out = X @ weights\nloss = criterion(out, y)\nloss.backward()"


def weighs(_: Space, after: Space) -> bool:
    """The loss is what cross entropy with the measured weights comes to."""
    wanted = F.cross_entropy(after["out"], after["y"], weight=torch.tensor(WEIGHTS))
    return bool(torch.isclose(after["loss"], wanted))


def weighed(name: str, *texts: str, at: str = ".backward(") -> Odd:
    values = {"weights": WEIGHTS, "loss": "cross_entropy"}
    return Odd(name, (DATA, *texts), "weigh-classes", weighs, values, at)


@parametrize(
    [
        weighed("nn as alias", "import torch.nn as nn\ncriterion = nn.CrossEntropyLoss()", STEP),
        weighed("from torch import nn", "from torch import nn\ncriterion = nn.CrossEntropyLoss( )",
                STEP),
        weighed("class under another name",
                "from torch.nn import CrossEntropyLoss as CE\ncriterion = CE()", STEP),
        weighed("only torch", "criterion = torch.nn.CrossEntropyLoss()", STEP),
        weighed("function under another name",
                "from torch.nn.functional import cross_entropy as xent",
                STEP.replace("criterion(", "xent(")),
        weighed("inline", "from torch import nn", STEP.replace("criterion(",
                                                              "nn.CrossEntropyLoss()(")),
        weighed("partial", "from functools import partial\nimport torch.nn.functional as F\n"
                "criterion = partial(F.cross_entropy, label_smoothing=0.0)", STEP),
        weighed(
            "several lines",
            """
            from torch import nn
            criterion = nn.CrossEntropyLoss(
                # rows of the batch count alike
                reduction="mean",  # as always
            )  # the loss
            """,
            STEP,
        ),
        weighed(
            "line continuation",
            """
            from torch import nn
            criterion = \\
                nn.CrossEntropyLoss(label_smoothing=0.0, \\
                                    reduction='mean')  # long
            """,
            STEP,
        ),
        weighed(
            "magics and commands around it",
            "%%time\nfrom torch import nn\n%matplotlib inline\n!echo hello\n"
            "criterion = nn.CrossEntropyLoss()  # loss\nlisting = !ls",
            "%%watch_training\n" + STEP,
        ),
        weighed(
            "f-strings beside it",
            """
            from torch import nn
            name, criterion = f"{'loss'!r:>10} {{x}}", nn.CrossEntropyLoss(); print(f"{name=}")
            """,
            STEP,
        ),
        weighed(
            "in the constructor of a class",
            """
            from torch import nn
            class Task:
                \"\"\"Holds the loss.\"\"\"
                def __init__(self):
                    self.criterion = nn.CrossEntropyLoss()   # chosen by hand

                def loss(self, out):
                    return self.criterion(out, y)
            task = Task()
            """,
            "out = X @ weights\nloss = task.loss(out)\nloss.backward()",
        ),
        weighed(
            "passed as an argument",
            """
            from torch import nn
            def step(criterion, *, scale=1.0):
                out = X @ weights
                loss = criterion(out, y) * scale
                loss.backward()
                return out, loss
            """,
            "out, loss = step(nn.CrossEntropyLoss())",
            at="loss.backward()",
        ),
        weighed(
            "a default argument",
            """
            import torch.nn as nn
            def step(x, loss_fn=nn.CrossEntropyLoss()):
                out = x @ weights
                loss = loss_fn(out, y)
                loss.backward()
                return out, loss
            """,
            "out, loss = step(X)",
            at="loss.backward()",
        ),
        weighed(
            "chosen from a table",
            """
            from torch import nn
            LOSSES = {
                "ce": nn.CrossEntropyLoss(),  # classes
                "mse": nn.MSELoss(),
            }
            criterion = LOSSES["ce"]
            """,
            STEP,
        ),
        weighed(
            "a class chosen from a table, by a variable",
            "from torch import nn\nchoice = 'ce'\n"
            "kinds = {'ce': nn.CrossEntropyLoss, 'mse': nn.MSELoss}\ncriterion = kinds[choice]()",
            STEP,
        ),
        weighed(
            "chosen with getattr",
            "from torch import nn\nwhich = 'CrossEntropyLoss'\ncriterion = getattr(nn, which)()",
            STEP,
        ),
        weighed(
            "chosen in branches of a function",
            """
            from torch import nn
            def make_loss(name):
                if name == "mse":
                    return nn.MSELoss()
                elif name == "bce":
                    return nn.BCEWithLogitsLoss()
                return nn.CrossEntropyLoss()
            criterion = make_loss("ce")
            """,
            STEP,
        ),
        weighed(
            "nested functions",
            """
            import torch.nn.functional as F
            def make_step():
                def inner(rows, *, verbose=False):
                    out = rows @ weights
                    loss = F.cross_entropy(
                        out, y
                    )
                    loss.backward()
                    return out, loss
                return inner
            """,
            "out, loss = make_step()(X)",
            at="loss.backward()",
        ),
        weighed(
            "under a decorator",
            """
            import functools
            import torch.nn.functional as F
            def twice(f):
                @functools.wraps(f)
                def g(*a): return f(*a)  # once is enough
                return g

            @twice
            def compute(out, labels):  return F.cross_entropy(out, labels)
            """,
            "out = X @ weights\nloss = compute(out, y)\nloss.backward()",
        ),
    ]
)  # fmt: skip
def test_the_measured_weights_are_in_the_loss(case: Odd) -> None:
    fix = prove(case)
    assert fix.safety == "needs-review"


def test_of_two_losses_of_one_kind_each_is_shown() -> None:
    from .notebooks import ask, cells

    notebook = cells(
        DATA,
        "from torch import nn\nfirst, second = nn.CrossEntropyLoss(), nn.CrossEntropyLoss()",
        "(first(X @ weights, y) + second(-X @ weights, y)).backward()",
    )
    fix = ask(notebook, "weigh-classes", weights=WEIGHTS, loss="cross_entropy")
    assert fix is not None and fix.safety == "example" and not fix.cells
    assert "weight=torch.tensor([0.5, 1.0, 2.0])" in fix.diff


# -- binary losses -----------------------------------------------------------------------------

BINARY = DATA.replace("torch.arange(60) % 3", "(torch.arange(60) % 5 == 0).float()").replace(
    "(4, 3,", "(4,"
)


def pos_weighs(_: Space, after: Space) -> bool:
    wanted = F.binary_cross_entropy_with_logits(
        after["out"], after["y"], pos_weight=torch.tensor(4.0)
    )
    return bool(torch.isclose(after["loss"], wanted))


def takes_logits(before: Space, after: Space) -> bool:
    """The new loss on raw outputs is the old one on probabilities."""
    wanted = F.binary_cross_entropy(torch.sigmoid(after["out"]), after["y"])
    return bool(torch.isclose(after["loss"], wanted))


@parametrize(
    [
        Odd("pos_weight of a module", (BINARY, "from torch import nn\nbce = nn.BCEWithLogitsLoss("
            "reduction = 'mean')", "out = X @ weights\nloss = bce(out, y)\nloss.backward()"),
            "weigh-classes", pos_weighs, {"pos_weight": 4.0, "weights": [0.625, 2.5]}),
        Odd("pos_weight of a function", (BINARY, "import torch.nn.functional as F",
            "out = X @ weights\nloss = F.binary_cross_entropy_with_logits(\n    out,\n    y,  # 0/1"
            "\n)\nloss.backward()"),
            "weigh-classes", pos_weighs, {"pos_weight": 4.0, "weights": [0.625, 2.5]}),
        Odd("a sigmoid too many, in a Sequential over lines",
            (BINARY.replace("weights = torch.randn(4, requires_grad=True)", ""), """
            from torch import nn
            net = nn.Sequential(
                nn.Linear(4, 1),  # scores
                nn.Sigmoid(),  # 0..1
            )
            bce = nn.BCEWithLogitsLoss()
            """, "out = net(X)[:, 0]\nloss = bce(out, y)\nloss.backward()"),
            "drop-activation", lambda a, b: bool((b["out"] < 0).any() and (a["out"] >= 0).all()),
            {"activation": "sigmoid", "loss": "binary_cross_entropy_with_logits"},
            lost=("# 0..1",)),
        Odd("raw outputs", (BINARY, "from torch.nn import BCELoss\ncriterion = BCELoss()",
            "out = X @ weights\nloss = criterion(out, y)\nloss.backward()"),
            "use-logits-loss", takes_logits, {"loss": "binary_cross_entropy"},
            raises=RuntimeError),
        Odd("raw outputs, chosen from a table",
            (BINARY, "import torch.nn as nn\nlosses = {'bce': nn.BCELoss()}",
             "out = X @ weights\nloss = losses['bce'](out, y)\nloss.backward()"),
            "use-logits-loss", takes_logits, {"loss": "binary_cross_entropy"},
            raises=RuntimeError),
    ]
)  # fmt: skip
def test_a_binary_loss_keeps_its_promise(case: Odd) -> None:
    prove(case)
