"""Where people write what a fix changes: settings, factories, classes, tables, partials."""

from __future__ import annotations

import pytest

from .notebooks import ask, cells, run
from .odd import Odd, parametrize, prove

torch = pytest.importorskip("torch")

HEAD = """
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
RATE = {"factor": 1000.0, "old": 1e-6, "new": 1e-3}


def rate(name: str, *texts: str) -> Odd:
    """A learning rate that the fix makes a thousand times as large."""
    return Odd(
        name,
        texts,
        "scale-learning-rate",
        lambda a, b: (
            a["opt"].param_groups[0]["lr"] == pytest.approx(1e-6)
            and b["opt"].param_groups[0]["lr"] == pytest.approx(1e-3)
        ),
        RATE,
    )


NET = "net = nn.Linear(4, 2)\n"


@parametrize(
    [
        rate("class by a name in a dict", HEAD + 'cfg = {"lr": 1e-6, "name": "Adam"}',
             "def make(model, cfg):\n"
             '    return getattr(optim, cfg["name"])(model.parameters(), lr=cfg["lr"])',
             f"{NET}opt = make(net, cfg)\n{LOOP}"),
        rate("a partial among others",
             HEAD + "from functools import partial\n"
             'KNOWN = {"adam": partial(optim.Adam, lr=1e-6), "sgd": lambda p: optim.SGD(p, 0.1)}',
             f'{NET}opt = KNOWN["adam"](net.parameters())\n{LOOP}'),
        rate("a lambda among others",
             HEAD + 'KNOWN = {"adam": optim.Adam, "sgd": lambda p: optim.SGD(p, 1e-6)}',
             f'{NET}kind = "sgd"\nopt = KNOWN[kind](net.parameters())\n{LOOP}'),
        rate("settings that are unfolded",
             HEAD + 'settings = {"optimizer": {"lr": 1e-6, "eps": 1e-8}}  # of the paper',
             f'{NET}opt = optim.Adam(net.parameters(), **settings["optimizer"])\n{LOOP}'),
        rate("keywords that are handed on",
             HEAD + "def make(model, **kw):\n    return optim.Adam(model.parameters(), **kw)",
             f"{NET}opt = make(net, lr=1e-6, eps=1e-8)\n{LOOP}"),
        rate("an alias of the class", HEAD + "from torch.optim import Adam as Opt\nKind = Opt",
             f"{NET}opt = Kind(net.parameters(), lr=1e-6)\n{LOOP}"),
    ]
)  # fmt: skip
def test_the_rate_is_changed_where_it_is_written(case: Odd) -> None:
    prove(case)


def test_the_rate_of_another_optimizer_is_left_alone() -> None:
    made = HEAD + "def made(p):\n    return known(p)\nother = lambda p: optim.SGD(p, lr=0.1)"
    fix = ask(cells(made, f"opt = made(net.parameters())\n{LOOP}"), "scale-learning-rate", **RATE)
    assert fix is None or not fix.cells


def test_weights_that_are_handed_on_are_set_where_they_are_given() -> None:
    make = "def get_loss(name, **kw):\n    return getattr(nn, name)(**kw)\n"
    loop = LOOP.replace("F.cross_entropy", "criterion")
    notebook = cells(
        HEAD + make + 'criterion = get_loss("CrossEntropyLoss", weight=torch.tensor([0.1, 0.9]))',
        f"{NET}opt = optim.SGD(net.parameters(), 0.1)\n{loop}",
    )
    fix = ask(notebook, "weigh-classes", weights=(1.8, 0.2))
    assert fix is not None
    after = run({**notebook, **fix.cells})
    assert after["criterion"].weight.tolist() == pytest.approx([1.8, 0.2])


def test_where_it_is_open_what_a_call_is_given_the_fix_is_an_example() -> None:
    loop = LOOP.replace("F.cross_entropy", "criterion")
    made = HEAD + "import os\nkw = dict(os.environ)\ncriterion = nn.CrossEntropyLoss(**kw)"
    fix = ask(cells(made, NET + loop), "weigh-classes", weights=(1.8, 0.2))
    assert fix is not None and fix.safety == "example"


METHODS = """
class Learner:
    def __init__(self, net):
        self.net = net
        self.opt = optim.SGD(net.parameters(), lr=1.0)
        self.sched = optim.lr_scheduler.ExponentialLR(self.opt, 0.5)
    def batch(self, rows):
        self.opt.zero_grad()
        loss = F.cross_entropy(self.net(x[rows]), y[rows])
        loss.backward()
        self.opt.step()
        self.sched.step()  # decay
    def epoch(self):
        for rows in torch.arange(40).split(10):
            self.batch(rows)
"""
FUNCTIONS = """
def batch(net, opt, schedule, rows):
    opt.zero_grad()
    F.cross_entropy(net(x[rows]), y[rows]).backward()
    opt.step()
    schedule.step()
def epoch(net, opt, decay):
    for rows in torch.arange(40).split(10):
        batch(net, opt, decay, rows)
"""


@parametrize(
    [
        Odd("methods", (HEAD + METHODS, "learner = Learner(nn.Linear(4, 2))\n"
            "for _ in range(2):\n    learner.epoch()"), "step-per-epoch",
            lambda a, b: (a["learner"].opt.param_groups[0]["lr"] == 2**-8
                          and b["learner"].opt.param_groups[0]["lr"] == 2**-2),
            lost=("# decay",)),
        Odd("functions with other names",
            (HEAD + FUNCTIONS, NET + "opt = optim.SGD(net.parameters(), 1.0)\n"
             "sched = optim.lr_scheduler.ExponentialLR(opt, 0.5)\n"
             "for _ in range(2):\n    epoch(net, opt, sched)"), "step-per-epoch",
            lambda a, b: (a["opt"].param_groups[0]["lr"] == 2**-8
                          and b["opt"].param_groups[0]["lr"] == 2**-2)),
    ]
)  # fmt: skip
def test_a_schedule_steps_in_the_function_that_has_the_loop(case: Odd) -> None:
    text = "\n".join(case.cells)
    where = 1
    assert ".backward()" in case.cells[where - 1], text
    prove(case)


def layers(source: str) -> Odd:
    """Hidden sigmoids of a model that a fix makes relus."""
    return Odd(
        source.split("\n", 1)[0],
        (HEAD + source, "opt = optim.SGD(net.parameters(), 0.1)\n" + LOOP),
        "replace-hidden-activation",
        lambda a, b: kinds(a["net"]).count("Sigmoid") == 3 and kinds(b["net"]).count("ReLU") == 3,
        {"old": "Sigmoid", "new": "ReLU"},
    )


def kinds(net: torch.nn.Module) -> list[str]:
    return [type(module).__name__ for module in net.modules()]


@parametrize(
    [
        layers("def build(act=nn.Sigmoid):\n    parts = [nn.Linear(4, 5), act()]\n"
               "    for _ in range(2):\n        parts += [nn.Linear(5, 5), act()]\n"
               "    return nn.Sequential(*parts, nn.Linear(5, 2))\nnet = build()"),
        layers("parts = []\nfor n in (4, 5, 5):\n    parts.append(nn.Linear(n, 5))\n"
               "    parts.append(nn.Sigmoid())\nparts.append(nn.Linear(5, 2))\n"
               "net = nn.Sequential(*parts)"),
        layers("class Block(nn.Sequential):\n    def __init__(self, n):\n"
               "        super().__init__(nn.Linear(n, 5), nn.Sigmoid())\n"
               "net = nn.Sequential(*[Block(n) for n in (4, 5, 5)], nn.Linear(5, 2))"),
    ]
)  # fmt: skip
def test_hidden_activations_are_found_in_lists_that_code_puts_together(case: Odd) -> None:
    prove(case)


def test_the_first_weights_of_a_net_with_relus_are_made_for_them() -> None:
    model = "net = nn.Sequential(nn.Linear(4, 500), nn.Sigmoid(), nn.Linear(500, 2))"
    notebook = cells(HEAD + model, "opt = optim.SGD(net.parameters(), 0.0)\n" + LOOP)
    before = run(notebook)
    fix = ask(notebook, "replace-hidden-activation", namespace=before, old="Sigmoid", new="ReLU")
    assert fix is not None
    after = run({**notebook, **fix.cells})
    assert float(after["net"][0].weight.detach().std()) == pytest.approx((2 / 4) ** 0.5, rel=0.1)
    assert float(after["net"][2].weight.detach().std()) == pytest.approx((2 / 500) ** 0.5, rel=0.1)


CUT = "def score(p, t):\n    {copy}\n    return F.binary_cross_entropy(p, t)\n"


@parametrize(
    [
        Odd(name, (HEAD + "y = y.float()\n" + CUT.format(copy=copy),
                   "net = nn.Sequential(nn.Linear(4, 1), nn.Flatten(0), nn.Sigmoid())\n"
                   "opt = optim.SGD(net.parameters(), 0.1)\nfor _ in range(2):\n"
                   "    opt.zero_grad()\n    loss = score(net(x), y)\n"
                   "    right = (loss.data > 0.5).float()  # a reading\n"
                   "    loss.backward()\n    opt.step()\n"
                   "moved = net[0].weight.grad is not None"),
            "join-graph", lambda a, b: not a["moved"] and b["moved"])
        for name, copy in {
            "a tensor of a tensor": "p = torch.tensor(p, requires_grad=True)",
            "the data": "p = p.data.requires_grad_()",
            "rounded": "p = torch.round(p).detach().requires_grad_()",
            "compared": "p = (p > 0.5).float().requires_grad_()",
        }.items()
    ]
)  # fmt: skip
@pytest.mark.filterwarnings("ignore:To copy construct from a tensor")
def test_a_copy_of_the_outputs_gives_way_to_the_outputs(case: Odd) -> None:
    prove(case)


PENALTY = """l2 = sum((w ** 2).sum() for w in net.parameters())
    loss += strength * l2
    loss.back"""
GROUPS = '[{"params": [net.weight], "weight_decay": WD}, {"params": [net.bias], "weight_decay": 0}]'


@parametrize(
    [
        Odd("groups", (HEAD + "WD = 1.0\n" + NET, f"opt = optim.SGD({GROUPS}, 0.1)\n{LOOP}"),
            "lower-weight-decay",
            lambda _, b: [g["weight_decay"] for g in b["opt"].param_groups] == [1e-4, 0],
            {"old": 1.0, "new": 1e-4}),
        Odd("in the loss", (HEAD + "strength = 1.0\n" + NET,
                            "opt = optim.SGD(net.parameters(), 0.1)\nfor _ in range(2):"
                            + STEP.replace("loss.back", PENALTY)),
            "lower-weight-decay", lambda _, b: b["strength"] == 0.01, {"old": 0.0, "new": 1e-4}),
        Odd("dropout of the settings",
            (HEAD + "class Net(nn.Module):\n    def __init__(self, drop=0.2):\n"
             "        super().__init__()\n        self.body = nn.Sequential("
             "nn.Linear(4, 2), nn.Dropout(drop))\n"
             "    def forward(self, x):\n        return self.body(x)\n"
             'cfg = {"drop": 0.9}  # a guess',
             "net = Net(**cfg)\nopt = optim.SGD(net.parameters(), 0.1)\n" + LOOP),
            "lower-dropout", lambda _, b: b["net"].body[1].p == 0.3, {"old": 0.9, "new": 0.3}),
    ]
)  # fmt: skip
def test_what_holds_a_model_back_is_weakened_where_it_is_written(case: Odd) -> None:
    prove(case)


def test_a_data_set_of_the_users_is_scaled_where_it_holds_the_data() -> None:
    data = """
class Table(torch.utils.data.Dataset):
    def __init__(self):
        self.rows = 1000 * x + 50  # raw
        self.labels = y
    def __len__(self):
        return len(self.rows)
    def __getitem__(self, i):
        return self.rows[i], self.labels[i]
held = torch.utils.data.random_split(Table(), [30, 10])
loader = torch.utils.data.DataLoader(held[0], batch_size=10)
"""
    train = (
        "net = nn.Linear(4, 2)\nopt = optim.SGD(net.parameters(), 0.1)\nfor xb, yb in loader:"
        + STEP.replace("net(x), y", "net(xb), yb")
    )
    case = Odd(
        "a data set",
        (HEAD + data, train),
        "scale-inputs",
        lambda a, b: (
            float(a["xb"].abs().max()) > 1000
            and float(b["loader"].dataset.dataset.rows.std()) == pytest.approx(1, abs=0.05)
        ),
        {"inputs": "features", "constant": 0},
    )
    prove(case)


def test_the_gradient_of_the_model_that_is_trained_there_is_clipped() -> None:
    functions = """
def compute(model, rows):
    return F.cross_entropy(model(x[rows]), y[rows])
def train(model, optimizer):
    for rows in torch.arange(40).split(10):
        optimizer.zero_grad()
        loss = compute(model, rows)
        loss.backward()
        optimizer.step()
"""
    notebook = cells(HEAD + functions, NET + "train(net, optim.SGD(net.parameters(), 0.1))")
    fix = ask(notebook, "clip-gradients", max_norm=1.0)
    assert fix is not None
    assert "+        nn.utils.clip_grad_norm_(model.parameters(), max_norm=1.0)" in fix.diff
    run({**notebook, **fix.cells})


def test_a_loop_that_counts_by_hand_ends_where_validation_is_best() -> None:
    loop = f"epoch = 0\nwhile epoch < EPOCHS:{STEP}    epoch += 1\n"
    made = HEAD + "EPOCHS = 40\n" + NET + "opt = optim.SGD(net.parameters(), 0.1)"
    notebook = cells(made, loop)
    fix = ask(notebook, "stop-early", best_step=10, steps=40)
    assert fix is not None and fix.cells == {2: loop.replace("EPOCHS", "10").rstrip()}


def test_a_width_is_changed_where_it_is_written() -> None:
    model = "def build(n_out=1):\n    return nn.Sequential(nn.Linear(4, 8), nn.Linear(8, n_out))\n"
    train = LOOP.replace("F.cross_entropy(net(x), y)", "crit(net(x), y.unsqueeze(1).float())")
    notebook = cells(
        HEAD + "y = y + (x[:, 1] > 0)\n" + model,
        "net, crit = build(), nn.BCEWithLogitsLoss()\nopt = optim.SGD(net.parameters(), 0.1)\n"
        + train,
    )
    fix = ask(notebook, "widen-output", classes=3)
    assert fix is not None
    after = run({**notebook, **fix.cells})
    assert after["net"](after["x"]).shape == (40, 3)


def test_a_number_that_is_read_elsewhere_too_stays() -> None:
    model = "share = 0.9  # of the data\nnet = nn.Sequential(nn.Linear(4, 2), nn.Dropout(share))\n"
    notebook = cells(
        HEAD + model + "rows = x[: int(share * 40)]",
        "opt = optim.SGD(net.parameters(), 0.1)\n" + LOOP,
    )
    fix = ask(notebook, "lower-dropout", old=0.9, new=0.3)
    assert fix is not None and fix.cells == {1: notebook[1].replace("(share)", "(0.3)")}


def test_a_number_that_is_changed_on_the_way_is_none_to_rely_on() -> None:
    model = "share = 0.3\nshare *= 0.9\nnet = nn.Sequential(nn.Linear(4, 2), nn.Dropout(share))\n"
    notebook = cells(HEAD + model, "opt = optim.SGD(net.parameters(), 0.1)\n" + LOOP)
    fix = ask(notebook, "lower-dropout", old=0.9, new=0.3)
    assert fix is not None and fix.safety == "example"
