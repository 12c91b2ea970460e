"""What helpers hide from a fix: losses in tables, layers in blocks, data in generators."""

from __future__ import annotations

import numpy as np
import pytest

from .notebooks import ask, cells, changed
from .odd import Odd, Space, parametrize, prove

torch = pytest.importorskip("torch")

HEAD = """
import numpy as np
import torch
import torch.nn.functional as F
from torch import nn, optim
torch.manual_seed(0)
x = torch.randn(40, 4)
y = (x[:, 0] > 0).long()
"""
STEP = """
    opt.zero_grad()
    loss = F.cross_entropy(net(x), y)
    loss.backward()
    opt.step()
"""
LOOP = f"for _ in range(2):{STEP}"
WEIGHTS = {"weights": (0.5, 5.0), "loss": "cross_entropy"}


# -- losses ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("made", "loop", "row"),
    [
        ("def fit(net, criterion=None):\n    criterion = criterion or nn.CrossEntropyLoss()\n"
         "    loss = criterion(net(x), y)\n    loss.backward()", "fit(net)",
         "criterion = criterion or nn.CrossEntropyLoss(weight=torch.tensor([0.5, 5.0]))"),
        ("parts = {'a': nn.CrossEntropyLoss(), 'b': nn.MSELoss()}",
         "each = {k: parts[k](out[k], y[k]) for k in parts}\n"
         "loss = sum(each[k] for k in each)\nloss.backward()",
         "parts = {'a': nn.CrossEntropyLoss(weight=torch.tensor([0.5, 5.0])), 'b': nn.MSELoss()}"),
        ("class Learner:\n    criterion = staticmethod(F.cross_entropy)\n"
         "    def step(self):\n        loss = self.criterion(net(x), y)\n        loss.backward()",
         "Learner().step()",
         "loss = self.criterion(net(x), y, weight=torch.tensor([0.5, 5.0]))"),
    ],
)  # fmt: skip
def test_a_loss_is_found(made: str, loop: str, row: str) -> None:
    notebook = cells(HEAD, f"net = nn.Linear(4, 2)\n{made}", loop)
    assert changed(ask(notebook, "weigh-classes", **WEIGHTS))[1] == [row]


def test_the_loss_that_a_table_of_classes_gives() -> None:
    made = 'def pick(name):\n    return {"l1": nn.L1Loss, "mse": nn.MSELoss}[name]()'
    loop = "net = nn.Sequential(nn.Linear(4, 1), nn.Sigmoid())\nloss = pick('l1')(net(x), y)\n"
    fix = ask(cells(HEAD, made, f"{loop}loss.backward()"), "change-loss", new="BinaryCrossentropy")
    assert changed(fix)[1] == ["return nn.BCELoss()"]


# -- models ------------------------------------------------------------------------------------

BLOCK = """
ACT = {"relu": nn.ReLU, "softmax": lambda: nn.Softmax(dim=1)}
class Block(nn.Module):
    def __init__(self, i, o, act):
        super().__init__()
        self.lin = nn.Linear(i, o)
        self.act = ACT[act]()
    def forward(self, x):
        return self.act(self.lin(x))
"""
NET = """
class Net(nn.Module):
    def __init__(self, dims=(4, 8, 2)):
        super().__init__()
        block = lambda i, o: nn.Sequential(nn.Linear(i, o), nn.ReLU())
        self.net = nn.Sequential(*[block(a, b) for a, b in zip(dims, dims[1:])])
    def forward(self, x):
        return self.net(x)
"""


def ends_in(name: str) -> object:
    return lambda _, after: type(list(after["net"].modules())[-1]).__name__ == name


@parametrize(
    [
        Odd("the only softmax of a model",
            (HEAD, f"{BLOCK}net = nn.Sequential(Block(4, 8, 'relu'), Block(8, 1, 'softmax'))",
             "loss = F.binary_cross_entropy(net(x), y.float()[:, None])\nloss.backward()"),
            "replace-output-activation", ends_in("Sigmoid"), {"old": "Softmax", "new": "Sigmoid"}),
        Odd("the last relu of blocks", (HEAD, NET, "net = Net()\nopt = optim.SGD(net.parameters(),"
            f" lr=0.1)\n{LOOP}"), "drop-activation", ends_in("Identity"), {"activation": "ReLU"}),
    ]
)  # type: ignore[list-item]  # fmt: skip
def test_an_activation_in_a_block_is_replaced_in_the_model(case: Odd) -> None:
    prove(case)


def test_one_of_several_is_not_guessed() -> None:
    made = f"{BLOCK}net = nn.Sequential(Block(4, 8, 'softmax'), Block(8, 1, 'softmax'))"
    loop = "loss = F.binary_cross_entropy(net(x), y.float()[:, None])\nloss.backward()"
    fix = ask(cells(HEAD, made, loop), "replace-output-activation", old="Softmax", new="Sigmoid")
    assert fix is None or not fix.cells


# -- what holds a model back -------------------------------------------------------------------

GROUPS = """
def groups(model, wd):
    return [{"params": model.weight, "weight_decay": wd},
            {"params": model.bias, "weight_decay": 0.0}]
"""
PENALTY = """
def penalty(net, l1=0.0, l2=0.0):
    return l1 * sum(p.abs().sum() for p in net.parameters()) + (
        l2 * sum((p**2).sum() for p in net.parameters()))
reg = {"l1": 0.05, "l2": 0.01}
"""


def test_the_decay_of_groups_that_a_function_makes() -> None:
    made = f"{GROUPS}net = nn.Linear(4, 2)\nopt = optim.Adam(groups(net, 3.0), lr=0.1)"
    fix = ask(cells(HEAD, made, LOOP), "lower-weight-decay", old=3.0, new=0.01)
    assert changed(fix)[1] == ['return [{"params": model.weight, "weight_decay": 0.01},']


def test_all_penalties_of_a_function_become_weaker() -> None:
    loop = f"net = nn.Linear(4, 2)\nfor _ in range(2):{STEP}"
    loop = loop.replace("net(x), y)", "net(x), y) + penalty(net, **reg)")
    fix = ask(cells(HEAD, PENALTY, loop), "lower-weight-decay", old=0, new=0.0001)
    assert changed(fix)[1] == ['reg = {"l1": 0.0005, "l2": 0.0001}']


def test_a_model_that_freezes_itself_learns_again_before_its_optimizer_is_made() -> None:
    made = """
    def trainable(module, flag):
        for p in module.parameters():
            p.requires_grad_(flag)
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.head = nn.Sequential(nn.Linear(4, 4), nn.Linear(4, 2))
            trainable(self, False)
        def forward(self, x):
            return self.head(x)
    """
    loop = f"net = Net()\nopt = optim.SGD([p for p in net.parameters() if p.requires_grad])\n{LOOP}"
    fix = ask(cells(HEAD, made, loop), "unfreeze", model="net", layer="head.1")
    assert fix is not None
    assert fix.cells[3].split("\n")[1] == "net.head[1].requires_grad_(True)"


# -- the graph ---------------------------------------------------------------------------------

ENCODER = """
class Model(nn.Module):
    def __init__(self):
        super().__init__()
        self.body, self.head = nn.Linear(4, 4), nn.Linear(4, 2)
    def encode(self, x):
        with torch.no_grad():  # faster
            return self.body(x)
    @torch.no_grad()
    def predict(self, x):
        return self(x).argmax(1)
    def forward(self, x):
        return self.head(self.encode(x))
net = Model()
opt = optim.SGD(net.parameters(), lr=0.1)
begun = net.body.weight.detach().clone()
"""
NUMBERS = """
net = nn.Linear(4, 1)
opt = optim.SGD(net.parameters(), lr=0.1)
begun = net.weight.detach().clone()
bce = nn.BCEWithLogitsLoss()
def compute_loss(x, y):
    losses = []  # one for each
    for out, target in zip(net(x).squeeze(1), y):
        losses.append(bce(out, target).item())
    return torch.tensor(losses, requires_grad=True).mean()
"""


def moved(name: str) -> object:
    def holds(before: Space, after: Space) -> bool:
        part = (lambda space: getattr(space["net"], name)) if name else (lambda space: space["net"])
        return bool((part(before).weight == before["begun"]).all()) and bool(
            (part(after).weight != after["begun"]).any()
        )

    return holds


@parametrize(
    [
        Odd("no_grad in a method that forward calls", (HEAD, ENCODER, LOOP), "join-graph",
            moved("body")),
        Odd("numbers that are appended", (HEAD, NUMBERS,
            LOOP.replace("F.cross_entropy(net(x), y)", "compute_loss(x, y.float())")),
            "join-graph", moved("")),
    ]
)  # type: ignore[list-item]  # fmt: skip
def test_the_gradient_passes(case: Odd) -> None:
    fix = prove(case)
    assert all(
        "torch.no_grad()\n    def predict" in c for c in fix.cells.values() if "predict" in c
    )


# -- data --------------------------------------------------------------------------------------

SORTED = """
X = np.arange(80.0).reshape(40, 2)
t = np.repeat([0, 1], 20)
def batches(data, labels, size=8):
    for start in range(0, len(data), size):
        yield (torch.tensor(data[start : start + size], dtype=torch.float32),
               torch.tensor(labels[start : start + size]))
"""
BATCHES = """
net = nn.Linear(2, 2)
for epoch in range(2):
    for xb, yb in batches(X, t):
        loss = F.cross_entropy(net(xb), yb)
        loss.backward()
"""


def test_what_a_generator_cuts_into_batches_is_shuffled_before() -> None:
    def holds(before: Space, after: Space) -> bool:
        same = all(
            (row[0] < 40) == (label == 0) for row, label in zip(after["X"], after["t"], strict=True)
        )
        return same and not np.array_equal(before["t"], after["t"])

    prove(Odd("generator", (HEAD, SORTED, BATCHES), "shuffle-data", holds, {"samples": 40}))


@pytest.mark.parametrize("other", ["rows = rng.permutation(40)", "others = rng.permutation(40)"])
def test_labels_take_the_order_of_their_inputs(other: str) -> None:
    name = other.partition(" ")[0]
    made = (
        f"{SORTED}rng = np.random.default_rng(0)\nrows = rng.permutation(40)\n"
        f"X2 = X[rows]\n{other}\nt2 = t[{name}]"
    )

    def holds(before: Space, after: Space) -> bool:
        alike = [
            all(
                (row[0] < 40) == (label == 0)
                for row, label in zip(space["X2"], space["t2"], strict=True)
            )
            for space in (before, after)
        ]
        return alike == [False, True]

    fix = prove(Odd("apart", (HEAD, made, BATCHES.replace("X, t", "X2, t2")), "pair-labels", holds))
    assert fix.cells[2].count(other) == 1


@pytest.mark.parametrize(
    ("made", "row"),
    [
        ("t = (df['state'] == 'sick').astype(int)", "t = (df['state'] == 'Sick ').astype(int)"),
        ("df['t'] = df.state.map({'sick': 1, 'Well': 0})\nt = df['t'].fillna(0).astype(int)",
         "df['t'] = df.state.map({'Sick ': 1, 'Well': 0})"),
        ("table = {'sick': 1, 'well': 0}\nt = df['state'].map(table).fillna(0).astype(int)",
         "table = {'Sick ': 1, 'Well': 0}"),
        ("t = df['state'].isin(['sick']) * 1", "t = df['state'].isin(['Sick ']) * 1"),
    ],
)  # fmt: skip
def test_words_are_spelt_as_their_column_spells_them(made: str, row: str) -> None:
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame({"state": ["Sick ", "Well"] * 4})
    loop = "k = torch.tensor(t.to_numpy())\nloss = F.cross_entropy(net(x), k)\nloss.backward()"
    # a generator of NumPy's is no list of words
    space = {"df": frame, "net": torch.nn.Linear(4, 2), "rng": np.random.default_rng(0)}
    fix = ask(cells(HEAD, made, loop), "count-labels", namespace=space)
    assert changed(fix)[1] == [row]
