"""Inputs, labels and their order, rewritten where the data are made."""

from __future__ import annotations

import numpy as np
import pytest

from .notebooks import ask, cells
from .odd import Odd, Space, parametrize, prove

torch = pytest.importorskip("torch")

TABLE = """
import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset
%precision 3
rng = np.random.default_rng(0)
raw = np.column_stack([rng.normal(5e4, 2e4, 200), rng.normal(0, 1e-3, 200), np.full(200, 3.0)])
kind = (raw[:, 1] > 0).astype("int64")
"""
LOOP = """
model = nn.Linear(3, 2)
opt = torch.optim.SGD(model.parameters(), lr=0.1)
for epoch in range(3):
    for xb, yb in loader:
        loss = nn.functional.cross_entropy(model(xb), yb)
        opt.zero_grad(); loss.backward()
        opt.step()
"""
MEASURED = {"inputs": "features", "minimum": -1.0, "maximum": 1e5, "constant": 1}


def standard(name: str, *parts: str) -> Odd:
    """The parts of the data that are used come out with mean 0 and deviation 1, or 0."""

    def holds(_: Space, after: Space) -> bool:
        x = np.asarray(after["used"], dtype=float)
        flat = np.allclose(x[:, 2], 0, atol=1e-3)
        return flat and np.allclose(x[:, :2].mean(0), 0, atol=0.25) and (x.std(0) < 1.5).all()

    return Odd(name, (TABLE, *parts), "scale-inputs", holds, MEASURED, most=0)


@parametrize(
    [
        standard("array behind a loader",
                 "data = TensorDataset(torch.from_numpy(raw).float(), torch.from_numpy(kind))\n"
                 "loader = DataLoader(data, batch_size=50)  # in order",
                 LOOP + "used = data.tensors[0]"),
        standard("rows of a tensor", "X = torch.tensor(raw, dtype=torch.float32)  # table\n"
                 "y = torch.tensor(kind)\nloader = [(X[i:i+50], y[i:i+50]) for i in (0, 50)]",
                 LOOP.replace("for xb, yb in loader:", "for i in range(0, 200, 50):\n"
                              "        xb, yb = X[i:i+50], y[i:i+50]") + "used = X"),
        standard(
            "split over lines",
            """
            from sklearn.model_selection import train_test_split
            X_train, X_test, y_train, y_test = (
                torch.tensor(part, dtype=torch.float32)  # all four
                for part in train_test_split(raw, kind, random_state=0)
            )
            """,
            "loader = DataLoader(TensorDataset(X_train, y_train.long()), 50)\n"
            + LOOP
            + "used = torch.cat([X_train, X_test])",
        ),
        standard(
            "made in a function",
            """
            def prepare(rows, *, dtype=np.float32):
                \"\"\"As the model wants them.\"\"\"
                return torch.from_numpy(rows.astype(dtype))

            features = prepare(raw)  # (200, 3)
            """,
            """
            model = nn.Linear(3, 2)
            def train(x, y):
                for rows in torch.arange(200).split(40):
                    loss = nn.functional.cross_entropy(model(x[rows]), y[rows])
                    loss.backward()
            train(features, torch.from_numpy(kind))
            used = features
            """,
        ),
    ]
)  # fmt: skip
def test_features_come_to_one_scale(case: Odd) -> None:
    fix = prove(case)
    assert fix.safety == "needs-review"


def test_pixels_are_divided() -> None:
    notebook = cells(
        "import torch\nfrom torch import nn\nx_train, x_val = torch.full((8, 1, 2, 2), 255.), "
        "torch.zeros(3, 1, 2, 2)\ny = torch.zeros(8).long()",
        "net = nn.Sequential(nn.Flatten(), nn.Linear(4, 2))\n"
        "loss = nn.functional.cross_entropy(net(x_train), y)\nloss.backward()",
    )
    fix = ask(notebook, "scale-inputs", inputs="channels", minimum=0.0, maximum=255.0)
    assert fix is not None and list(fix.cells) == [1]
    rows = fix.cells[1].split("\n")
    assert {"x_train = x_train / 255.0", "x_val = x_val / 255.0"} <= set(rows)


HOLES = """
import numpy as np, torch
from torch import nn
x_all = np.arange(60, dtype="float32").reshape(20, 3); x_all[3, 1] = np.nan; x_all[4, 2] = -np.inf
%time 1 + 1
labels = torch.arange(20) % 2
"""


def finite(before: Space, after: Space) -> bool:
    """All is finite, and what was finite is as it was."""
    old, new = np.asarray(before["used"]), np.asarray(after["used"])
    kept = np.isfinite(old)
    return bool(not kept.all() and np.isfinite(new).all() and (old[kept] == new[kept]).all())


@parametrize(
    [
        Odd("an array", (HOLES, "net = nn.Linear(3, 2)\nx = torch.from_numpy(x_all)\n"
            "loss = nn.functional.cross_entropy(net(x), labels)\nloss.backward()\nused = x"),
            "clean-inputs", finite, {"argument": "input"}, most=1),
        Odd("a tensor made by a function", (HOLES, """
            def load():
                return torch.from_numpy(x_all)  # as saved
            x = load()
            """, "net = nn.Linear(3, 2)\nused = x\n"
            "for i in range(0, 20, 5):\n    loss = nn.functional.cross_entropy(net(x[i:i+5]), "
            "labels[i:i+5])\n    loss.backward()"),
            "clean-inputs", finite, {"argument": "input"}, most=0),
    ]
)  # fmt: skip
def test_numbers_that_are_not_finite_give_way(case: Odd) -> None:
    prove(case)


PAIRS = """
import random
import numpy as np
import torch
np.random.seed(0); torch.manual_seed(0)
x = np.arange(40.0)[:, None]  # the label is the number
y = np.arange(40)
"""
USE = """
net = torch.nn.Linear(1, 40)
loss = torch.nn.functional.cross_entropy(net(torch.from_numpy(x).float()), torch.from_numpy(y))
loss.backward()
"""


def together(_: Space, after: Space) -> bool:
    """Every row has its own label, and the rows are in another order than at first."""
    x, y = np.asarray(after["x"]), np.asarray(after["y"])
    return bool((x[:, 0] == y).all() and sorted(y) == list(range(40)) and list(y) != sorted(y))


@parametrize(
    [
        Odd("two shuffles in place", (PAIRS, "np.random.shuffle(x)  # rows\nnp.random.shuffle(y)",
            USE), "pair-labels", together, lost=("# rows",)),
        Odd("two permutations", (PAIRS, "x = x[np.random.permutation(len(x))]\n"
            "!echo done\ny = y[np.random.permutation(len(y))]", USE), "pair-labels", together),
        Odd("a table that is sorted later", (PAIRS, """
            table = np.stack([x[:, 0], -x[:, 0] % 7], 1)
            y = table[:, 0].astype("int64").copy()  # the label
            table = table[np.random.permutation(40)]  # mixed
            x = table[:, :1]
            """, USE), "pair-labels", together),
        Odd("in order of the classes", (PAIRS, USE), "shuffle-data", together, {"samples": 40},
            most=0),
    ]
)  # fmt: skip
def test_inputs_and_labels_go_in_one_order(case: Odd) -> None:
    prove(case)


WORDS = """
import numpy as np, torch
said = np.array(["Good", "bad"] * 20)
"""


@parametrize(
    [
        Odd("an array compared", (WORDS, "y = torch.from_numpy((said == 'good').astype('float32'))",
            "w = torch.zeros(40, requires_grad=True)\nloss = torch.nn.functional."
            "binary_cross_entropy_with_logits(w, y)\nloss.backward()"),
            "count-labels", lambda a, b: int(a["y"].sum()) == 0 and int(b["y"].sum()) == 20),
        Odd("a list in a comprehension", (WORDS, "words = [w for w in said]\nlabels = "
            "torch.tensor([float(w in ('GOOD',)) for w in words])  # 1: good",
            "w = torch.zeros(40, requires_grad=True)\nloss = torch.nn.functional."
            "binary_cross_entropy_with_logits(w, labels)\nloss.backward()"),
            "count-labels", lambda a, b: not a["labels"].any() and int(b["labels"].sum()) == 20),
    ]
)  # fmt: skip
def test_a_word_is_spelt_as_in_the_data(case: Odd) -> None:
    prove(case)


def test_sorted_data_are_shuffled_before_they_are_cut() -> None:
    case = Odd(
        "sorted, then cut",
        (
            PAIRS + "kind = y // 20  # in order",
            "class Rows(torch.utils.data.Dataset):\n"
            "    def __init__(self, x, y, limit): self.x, self.y = x[:limit], y[:limit]\n"
            "    def __len__(self): return len(self.x)\n"
            "    def __getitem__(self, i): return torch.tensor(self.x[i]).float(), int(self.y[i])\n"
            "loader = torch.utils.data.DataLoader(Rows(x, kind, 12), batch_size=4)",
            "net, seen = torch.nn.Linear(1, 2), []\n"
            "for xb, yb in loader:\n    seen += yb.tolist()\n"
            "    loss = torch.nn.functional.cross_entropy(net(xb), yb)\n    loss.backward()",
        ),
        "count-labels",
        lambda a, b: len(set(a["seen"])) == 1 and len(set(b["seen"])) == 2,
        most=0,
    )
    prove(case)
