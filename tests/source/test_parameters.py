"""give-optimizer, register-layers, unfreeze and join-graph."""

from __future__ import annotations

import pytest

from .notebooks import ask, cells, changed

HEAD = "import torch\nfrom torch import nn, optim"
LOOP = """
%%watch_training
for x, y in loader:
    opt.zero_grad()
    loss = nn.functional.cross_entropy(model(x), y)
    loss.backward()
    opt.step()
"""


# -- give-optimizer ----------------------------------------------------------------------------


def test_the_optimizer_goes_below_the_model() -> None:
    made = """
    model = nn.Linear(2, 2)
    opt = optim.Adam(
        model.parameters(),  # all
        lr=1e-3,
    )
    # a wider one
    model = nn.Sequential(nn.Linear(2, 9), nn.ReLU(), nn.Linear(9, 2))
    """
    fix = ask(cells(HEAD, made, LOOP), "give-optimizer", model="model", again=True)
    assert fix is not None
    rows = fix.cells[2].split("\n")
    assert rows[1:3] == ["# a wider one", rows[2]] and rows[2].startswith("model = nn.Seq")
    assert rows[3:] == ["opt = optim.Adam(", "    model.parameters(),  # all", "    lr=1e-3,", ")"]


def test_the_optimizer_goes_to_the_model_of_a_later_cell() -> None:
    fix = ask(
        cells(
            HEAD + "\nmodel = nn.Linear(2, 2)\nopt = optim.SGD(model.parameters(), 0.1)",
            "model = nn.Linear(2, 2)",
            LOOP,
        ),
        "give-optimizer",
        model="model",
        again=True,
    )
    assert fix is not None
    assert fix.cells == {
        1: HEAD + "\nmodel = nn.Linear(2, 2)",
        2: "model = nn.Linear(2, 2)\nopt = optim.SGD(model.parameters(), 0.1)",
    }


def test_code_in_the_right_order_is_to_be_run_again() -> None:
    made = "model = nn.Linear(2, 2)\nopt = optim.SGD(model.parameters(), 0.1)"
    fix = ask(cells(HEAD, made, LOOP), "give-optimizer", model="model", again=True)
    assert fix is not None and fix.safety == "example"
    assert fix.diff.split("\n")[1] == "+opt = optim.SGD(model.parameters(), 0.1)"


def test_all_parameters_in_place_of_a_part() -> None:
    made = "opt = optim.Adam(model.body.parameters(), lr=1e-3)"
    fix = ask(cells(HEAD, made, LOOP), "give-optimizer", model="model", again=False)
    assert fix is not None and fix.cells == {2: "opt = optim.Adam(model.parameters(), lr=1e-3)"}
    made = "opt = optim.Adam(body_weights, lr=1e-3)"
    fix = ask(cells(HEAD, made, LOOP), "give-optimizer", model="model", again=False)
    assert fix is not None and fix.safety == "example"


# -- register-layers ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "wrapped"),
    [
        ("[nn.Linear(4, 4) for _ in range(3)]",
         "nn.ModuleList([nn.Linear(4, 4) for _ in range(3)])"),
        ("[]", "nn.ModuleList([])"),
        ("nn.Linear(4, 4), nn.Linear(4, 4)",
         "nn.ModuleList((nn.Linear(4, 4), nn.Linear(4, 4)))"),
        ("list(make(3))", "nn.ModuleList(list(make(3)))"),
        ("{'a': nn.Linear(4, 4)}  # heads", "nn.ModuleDict({'a': nn.Linear(4, 4)})  # heads"),
    ],
)  # fmt: skip
def test_a_plain_list_becomes_a_list_of_modules(value: str, wrapped: str) -> None:
    model = f"""
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.parts = {value}
            self.sizes = [4, 4]
    """
    fix = ask(cells(HEAD, model, LOOP), "register-layers", model="model", attributes=("parts",))
    assert changed(fix) == ([f"self.parts = {value}"], [f"self.parts = {wrapped}"])


def test_a_list_that_is_not_found_is_shown() -> None:
    fix = ask(cells(HEAD, LOOP), "register-layers", model="model", attributes=("a.parts",))
    assert fix is not None and fix.safety == "example" and "self.parts" in fix.diff


# -- unfreeze ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "frozen",
    [
        "for p in model.parameters():\n    p.requires_grad = False  # keep",
        "for p in model.parameters():\n    p.requires_grad_(False)",
        "model.requires_grad_(False)",
        "for name, p in model.named_parameters():\n    p.requires_grad = False",
    ],
)
@pytest.mark.parametrize(
    ("layer", "line"),
    [
        ("fc", "model.fc.requires_grad_(True)"),
        ("classifier.6", "model.classifier[6].requires_grad_(True)"),
        ("2", "model[2].requires_grad_(True)"),
    ],
)
def test_the_head_learns_again(frozen: str, layer: str, line: str) -> None:
    made = f"{frozen}\nopt = optim.Adam(model.parameters())"
    fix = ask(cells(HEAD, made, LOOP), "unfreeze", model="model", layer=layer)
    assert fix is not None
    assert fix.cells == {2: f"{frozen}\n{line}\nopt = optim.Adam(model.parameters())"}


def test_freezing_in_a_function_is_left_alone() -> None:
    made = "def freeze(m):\n    for p in m.parameters():\n        p.requires_grad = False"
    fix = ask(cells(HEAD, made, LOOP), "unfreeze", model="model", layer="fc")
    assert fix is not None and fix.safety == "example"
    assert fix.diff.endswith("+model.fc.requires_grad_(True)")


# -- join-graph --------------------------------------------------------------------------------


def test_a_detach_in_the_loop_is_left_out() -> None:
    loop = """
    for x, y in loader:
        features = body(x).detach()
        loss = nn.functional.cross_entropy(head(features), y)
        loss.backward()
        total += loss.detach()
    """
    assert changed(ask(cells(HEAD, loop), "join-graph")) == (
        ["features = body(x).detach()"],
        ["features = body(x)"],
    )


def test_a_detach_in_forward_is_left_out() -> None:
    model = """
    class Net(nn.Module):
        def forward(self, x):
            x = (self.a(x) + x).detach()
            return self.b(x)
    model = Net()
    """
    fix = ask(cells(HEAD, model, LOOP), "join-graph")
    assert changed(fix) == (["x = (self.a(x) + x).detach()"], ["x = (self.a(x) + x)"])


@pytest.mark.parametrize(
    "row",
    [
        "out = torch.from_numpy(np.median(model(x).detach().numpy(), axis=1))",
        "out = torch.tensor([max(row) for row in model(x).tolist()], requires_grad=True)",
    ],
)
def test_other_ways_out_of_the_graph_are_shown(row: str) -> None:
    loop = (
        f"import numpy as np\nfor x, y in loader:\n    {row}\n"
        "    loss = nn.functional.cross_entropy(out, y)\n    loss.backward()"
    )
    fix = ask(cells(HEAD, loop), "join-graph")
    assert fix is not None and fix.safety == "example"
    assert fix.diff.split("\n")[0] == f"-{row}"
