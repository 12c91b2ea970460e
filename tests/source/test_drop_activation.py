"""drop-activation and replace-hidden-activation, wherever people put an activation."""

from __future__ import annotations

import pytest

from .notebooks import ask, cells, changed, show

HEAD = """
import torch
import torch.nn as nn
import torch.nn.functional as F
from collections import OrderedDict
"""
LOOP = """
%%watch_training
model = Net()
criterion = nn.CrossEntropyLoss()
for x, y in loader:
    out = model(x)
    loss = criterion(out, y)
    loss.backward()
"""


def net(forward: str, init: str = "") -> str:
    rows = [f"        {r}" for r in init.split("\n") if r]
    body = [f"        {r}" for r in forward.split("\n")]
    return "\n".join(
        [
            "class Net(nn.Module):",
            "    def __init__(self):",
            "        super().__init__()",
            "        self.fc = nn.Linear(4, 3)",
            *rows,
            "",
            "    def forward(self, x):",
            *body,
        ]
    )


@pytest.mark.parametrize(
    ("activation", "init", "forward", "removed", "added"),
    [
        ("softmax", "self.softmax = nn.Softmax(dim=1)", "return self.softmax(self.fc(x))",
         ["return self.softmax(self.fc(x))"], ["return self.fc(x)"]),
        ("softmax", "self.softmax = nn.Softmax(dim=1)",
         "x = self.fc(x)  # logits\nreturn self.softmax(x)",
         ["return self.softmax(x)"], ["return x"]),
        ("softmax", "", "x = self.fc(x)\nreturn F.softmax(x, dim=1)  # probs",
         ["return F.softmax(x, dim=1)  # probs"], ["return x  # probs"]),
        ("softmax", "", "return nn.Softmax(dim=1)(self.fc(x))",
         ["return nn.Softmax(dim=1)(self.fc(x))"], ["return self.fc(x)"]),
        ("softmax", "", "x = self.fc(x); x = F.softmax(x, dim=-1); return x",
         ["x = self.fc(x); x = F.softmax(x, dim=-1); return x"], ["x = self.fc(x); return x"]),
        ("softmax", "", "x = self.fc(x)\n# to probabilities\nx = torch.softmax(x, 1)\nreturn x",
         ["x = torch.softmax(x, 1)"], []),
        ("softmax", "", "return self.fc(x).softmax(1)",
         ["return self.fc(x).softmax(1)"], ["return self.fc(x)"]),
        ("softmax", "", "return self.fc(x).softmax(dim=-1).view(-1, 3)",
         ["return self.fc(x).softmax(dim=-1).view(-1, 3)"], ["return self.fc(x).view(-1, 3)"]),
        ("sigmoid", "", "return torch.sigmoid(self.fc(x))",
         ["return torch.sigmoid(self.fc(x))"], ["return self.fc(x)"]),
        ("sigmoid", "", "return torch.sigmoid(self.fc(x) + self.fc(x)).squeeze(1)",
         ["return torch.sigmoid(self.fc(x) + self.fc(x)).squeeze(1)"],
         ["return (self.fc(x) + self.fc(x)).squeeze(1)"]),
        ("sigmoid", "self.sigmoid = nn.Sigmoid()",
         "x = self.fc(x)\nreturn self.sigmoid(x).squeeze()",
         ["return self.sigmoid(x).squeeze()"], ["return x.squeeze()"]),
        ("sigmoid", "self.act = nn.Sigmoid()",
         "h = self.act(self.fc(x))\nreturn self.act(self.fc(h))",
         ["return self.act(self.fc(h))"], ["return self.fc(h)"]),
        ("sigmoid", "", "return (x := self.fc(x)).sigmoid()",
         ["return (x := self.fc(x)).sigmoid()"], ["return (x := self.fc(x))"]),
        ("softmax", "self.head = nn.Sequential(self.fc, nn.Softmax(-1))", "return self.head(x)",
         ["self.head = nn.Sequential(self.fc, nn.Softmax(-1))"],
         ["self.head = nn.Sequential(self.fc)"]),
        ("softmax", "",
         "logits = self.fc(x)\nprobs = F.softmax(logits, dim=1)\nreturn probs, logits",
         None, None),
    ],
)  # fmt: skip
def test_the_model_in_an_earlier_cell_loses_it(
    activation: str, init: str, forward: str, removed: list[str] | None, added: list[str] | None
) -> None:
    notebook = cells(HEAD, net(forward, init), LOOP)
    fix = ask(notebook, "drop-activation", activation=activation, loss="cross_entropy")
    if removed is None:
        assert fix is None
        return
    assert changed(fix) == (removed, added)
    assert fix is not None and list(fix.cells) == [2] and fix.safety == "needs-review"
    for row in notebook[2].split("\n"):
        if "#" in row:
            assert row.partition("#")[2] in fix.cells[2]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("nn.Sequential(nn.Linear(4, 3), nn.Softmax(dim=1))", "nn.Sequential(nn.Linear(4, 3))"),
        ("nn.Sequential(nn.Linear(4, 3), nn.Softmax(dim=1),)", "nn.Sequential(nn.Linear(4, 3),)"),
        (
            "nn.Sequential(\n    nn.Linear(4, 8),  # hidden\n    nn.ReLU(),\n"
            "    nn.Linear(8, 3),  # out\n    nn.Softmax(dim=1),  # probs\n).to(device)",
            "nn.Sequential(\n    nn.Linear(4, 8),  # hidden\n    nn.ReLU(),\n"
            "    nn.Linear(8, 3),  # out\n).to(device)",
        ),
        (
            "nn.Sequential(\n\tnn.Linear(8, 3),  # out\n\tnn.Softmax(dim=1)\n)",
            "nn.Sequential(\n\tnn.Linear(8, 3)  # out\n)",
        ),
        (
            "nn.Sequential(nn.Linear(8, 3),\n              # now probabilities\n"
            "              nn.Softmax(dim=1))",
            "nn.Sequential(nn.Linear(8, 3)\n              # now probabilities\n              )",
        ),
        (
            "nn.Sequential(OrderedDict([\n    ('fc', nn.Linear(4, 3)),  # out\n"
            "    ('softmax', nn.Softmax(1)),\n]))",
            "nn.Sequential(OrderedDict([\n    ('fc', nn.Linear(4, 3)),  # out\n]))",
        ),
        (
            "nn.Sequential(OrderedDict([('fc', nn.Linear(4, 3)), ('softmax', nn.Softmax(1))]))",
            "nn.Sequential(OrderedDict([('fc', nn.Linear(4, 3))]))",
        ),
        (
            "nn.Sequential(*[nn.Linear(4, 3), nn.Softmax(1)])",
            "nn.Sequential(*[nn.Linear(4, 3)])",
        ),
        (
            "nn.Sequential(nn.Flatten(), nn.Sequential(nn.Linear(4, 3), nn.Softmax(1)))",
            "nn.Sequential(nn.Flatten(), nn.Sequential(nn.Linear(4, 3)))",
        ),
        (
            "torch.compile(nn.Sequential(nn.Linear(4, 3), nn.Softmax(1)))",
            "torch.compile(nn.Sequential(nn.Linear(4, 3)))",
        ),
    ],
)
def test_a_sequential_loses_its_last_element(before: str, after: str) -> None:
    notebook = cells(
        HEAD + f"Net = None\nnet = {before}", LOOP.replace("model = Net()", "model = net")
    )
    fix = ask(notebook, "drop-activation", activation="softmax")
    assert fix is not None
    assert fix.cells == {1: notebook[1].replace(before, after)}


def test_layers_listed_first_lose_it_in_the_list() -> None:
    layers = "layers = [\n    nn.Linear(4, 3),  # out\n    nn.Softmax(1)  # probs\n]"
    made = f"{layers}\nmodel = nn.Sequential(*layers)"
    notebook = cells(HEAD + made, LOOP.replace("model = Net()\n", ""))
    fix = ask(notebook, "drop-activation", activation="softmax")
    assert fix is not None
    assert "layers = [\n    nn.Linear(4, 3)  # out\n]\n" in fix.cells[1]


def test_probabilities_made_in_the_loop_stay_for_the_user() -> None:
    loop = """
    criterion = nn.CrossEntropyLoss()
    out = model(x)
    probs = torch.softmax(out, 1)
    loss = criterion(probs, y)
    loss.backward()
    hits += (probs.argmax(1) == y).sum()
    """
    fix = ask(cells(HEAD, loop), "drop-activation", activation="softmax")
    assert changed(fix) == (["loss = criterion(probs, y)"], ["loss = criterion(out, y)"])


@pytest.mark.parametrize(
    ("rows", "removed", "added"),
    [
        ("out = torch.sigmoid(model(x))\nloss = F.binary_cross_entropy_with_logits(out, y)",
         "out = torch.sigmoid(model(x))", ["out = model(x)"]),
        ("out = model(x)\nout = torch.sigmoid(out)\n"
         "loss = F.binary_cross_entropy_with_logits(out, y)",
         "out = torch.sigmoid(out)", []),
        ("loss = F.binary_cross_entropy_with_logits(model(x).sigmoid(), y)",
         "loss = F.binary_cross_entropy_with_logits(model(x).sigmoid(), y)",
         ["loss = F.binary_cross_entropy_with_logits(model(x), y)"]),
        ("z = model(x)\np = z.sigmoid()\nz = z * 2\n"
         "loss = F.binary_cross_entropy_with_logits(p, y)",
         "p = z.sigmoid()", ["p = z"]),
    ],
)  # fmt: skip
def test_an_activation_in_the_loop_goes(rows: str, removed: str, added: list[str]) -> None:
    fix = ask(cells(HEAD, rows + "\nloss.backward()"), "drop-activation", activation="sigmoid")
    assert changed(fix) == ([removed], added)


def test_one_return_without_it_makes_an_example() -> None:
    forward = "x = self.fc(x)\nif self.training:\n    return x\nreturn F.softmax(x, dim=1)"
    fix = ask(cells(HEAD, net(forward), LOOP), "drop-activation", activation="softmax")
    assert fix is not None and fix.safety == "example"
    assert changed(fix) == (["return F.softmax(x, dim=1)"], ["return x"])


def test_hidden_softmax_and_log_softmax_stay() -> None:
    attention = net("a = F.softmax(self.fc(x), dim=1)\nreturn self.fc(a * x)")
    assert ask(cells(HEAD, attention, LOOP), "drop-activation", activation="softmax") is None
    healthy = net("return F.log_softmax(self.fc(x), dim=1)")
    assert ask(cells(HEAD, healthy, LOOP), "drop-activation", activation="softmax") is None


def test_the_later_definition_of_the_class_is_changed() -> None:
    notebook = cells(
        HEAD,
        net("return F.softmax(self.fc(x), dim=0)"),
        net("return F.softmax(self.fc(x), dim=1)"),
        LOOP,
    )
    fix = ask(notebook, "drop-activation", activation="softmax")
    assert fix is not None and list(fix.cells) == [3]


def test_a_method_and_a_base_class_are_followed() -> None:
    base = """
    class Base(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.predict(x)

        def predict(self, x):
            h = self.body(x)
            return torch.softmax(
                h,  # scores
                dim=1,
            )

    class Net(Base):
        def __init__(self):
            super().__init__()
            self.body = nn.Linear(4, 3)
    """
    fix = ask(cells(HEAD, base, LOOP), "drop-activation", activation="softmax")
    assert fix is not None
    assert "        h = self.body(x)\n        return h\n" in fix.cells[2]


def test_the_line_of_the_activation_is_shown() -> None:
    notebook = cells(HEAD, net("x = self.fc(x)\nreturn F.softmax(x, dim=1)  # p"), LOOP)
    assert show(notebook, "output") == (2, "return F.softmax(x, dim=1)  # p")
    plain = cells(HEAD, net("return self.fc(x)"), LOOP)
    assert show(plain, "output") == (2, "self.fc = nn.Linear(4, 3)")
    listed = cells(
        HEAD + "model = nn.Sequential(\n    nn.Linear(4, 3),\n    nn.Softmax(1),\n)",
        LOOP.replace("model = Net()\n", ""),
    )
    assert show(listed, "output") == (1, "nn.Softmax(1),")


@pytest.mark.parametrize(
    ("init", "forward", "removed", "added"),
    [
        ("self.act = nn.Sigmoid()", "return self.fc(self.act(self.fc(x)))",
         ["self.act = nn.Sigmoid()"], ["self.act = nn.ReLU()"]),
        ("self.act = nn.Sigmoid()", "return self.act(self.fc(self.act(self.fc(x))))",
         ["return self.act(self.fc(self.act(self.fc(x))))"],
         ["return self.act(self.fc(torch.relu(self.fc(x))))"]),
        ("", "h = torch.sigmoid(self.fc(x))\nh = F.sigmoid(self.fc(h))\n"
         "return torch.sigmoid(self.fc(h))",
         ["h = torch.sigmoid(self.fc(x))", "h = F.sigmoid(self.fc(h))"],
         ["h = torch.relu(self.fc(x))", "h = torch.relu(self.fc(h))"]),
        ("self.net = nn.Sequential(nn.Linear(4, 4), nn.Sigmoid(), nn.Linear(4, 1), nn.Sigmoid())",
         "return self.net(x)",
         ["self.net = nn.Sequential(nn.Linear(4, 4), nn.Sigmoid(), nn.Linear(4, 1), nn.Sigmoid())"],
         ["self.net = nn.Sequential(nn.Linear(4, 4), nn.ReLU(), nn.Linear(4, 1), nn.Sigmoid())"]),
    ],
)  # fmt: skip
def test_hidden_activations_are_replaced_and_that_of_the_output_is_not(
    init: str, forward: str, removed: list[str], added: list[str]
) -> None:
    notebook = cells(HEAD, net(forward, init), LOOP)
    fix = ask(notebook, "replace-hidden-activation", old="Sigmoid", new="ReLU")
    assert changed(fix) == (removed, added)


def test_a_deep_sequential_gets_another_activation_throughout() -> None:
    made = """
    model = nn.Sequential(
        nn.Linear(4, 9), nn.Sigmoid(),   # one
        nn.Linear(9, 9), nn.Sigmoid(),   # two
        nn.Linear(9, 1), nn.Sigmoid(),   # out
    )
    """
    notebook = cells(HEAD, made, LOOP.replace("model = Net()\n", ""))
    fix = ask(notebook, "replace-hidden-activation", old="Sigmoid", new="ReLU")
    assert fix is not None
    assert fix.cells[2].count("nn.ReLU(),   #") == 2
    assert "nn.Linear(9, 1), nn.Sigmoid(),   # out" in fix.cells[2]
    assert show(notebook, "model") == (2, "nn.Linear(4, 9), nn.Sigmoid(),   # one")
    assert show(cells(HEAD, net("return self.fc(x)"), LOOP), "model") == (
        2,
        "class Net(nn.Module):",
    )


def test_outputs_that_become_logits_are_read_as_logits() -> None:
    train = """
    model = Net()
    for x, y in loader:
        out = model(x)
        loss = F.binary_cross_entropy_with_logits(out, y)
        loss.backward()
        hits += ((out > 0.5) == y).sum() + (other > 0.5).sum()
    """
    check = """
    %time
    with torch.no_grad():
        guess = model(x).squeeze().round()
        share = (torch.sigmoid(x) > 0.5).float().mean()
    """
    notebook = cells(HEAD, net("return torch.sigmoid(self.fc(x))"), train, check)
    fix = ask(notebook, "drop-activation", activation="sigmoid")
    assert changed(fix)[1] == [
        "return self.fc(x)",
        "hits += ((out > 0) == y).sum() + (other > 0.5).sum()",
        "guess = (model(x).squeeze() > 0).float()",
    ]


def test_the_head_of_a_ready_made_model_is_followed() -> None:
    made = """
    from torchvision import models
    model = models.resnet18(weights=None)
    model.fc = nn.Sequential(nn.Linear(512, 3), nn.Softmax(dim=1))
    model = model.to(device)
    """
    notebook = cells(HEAD, made, LOOP.replace("model = Net()\n", ""))
    fix = ask(notebook, "drop-activation", activation="softmax")
    assert changed(fix)[1] == ["model.fc = nn.Sequential(nn.Linear(512, 3))"]


@pytest.mark.parametrize(
    ("forward", "rows", "removed", "added"),
    [
        ("return torch.sigmoid(self.fc(x))",
         "out = torch.sigmoid(model(x))\nloss = F.binary_cross_entropy(out, y)\nhit = out > 0.5",
         "out = torch.sigmoid(model(x))", "out = model(x)"),
        ("return torch.sigmoid(torch.sigmoid(self.fc(x)))",
         "loss = F.binary_cross_entropy(model(x), y)",
         "return torch.sigmoid(torch.sigmoid(self.fc(x)))", "return torch.sigmoid(self.fc(x))"),
    ],
)  # fmt: skip
def test_a_loss_on_probabilities_keeps_one_sigmoid(
    forward: str, rows: str, removed: str, added: str
) -> None:
    notebook = cells(HEAD, net(forward), f"model = Net()\n{rows}\nloss.backward()")
    fix = ask(notebook, "drop-activation", activation="sigmoid", loss="binary_cross_entropy")
    assert changed(fix) == ([removed], [added])


def test_both_of_two_in_one_expression_go() -> None:
    forward = "return F.softmax(nn.Softmax(dim=1)(self.fc(x)), dim=1)"
    fix = ask(cells(HEAD, net(forward), LOOP), "drop-activation", activation="softmax")
    assert changed(fix) == ([forward], ["return self.fc(x)"])


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("nn.Sequential(nn.Linear(2, 1), nn.Softmax(dim=1))",
         "nn.Sequential(nn.Linear(2, 1), nn.Sigmoid())"),
        ("nn.Sequential(nn.Softmax(1), nn.Linear(2, 1), nn.Softmax(1))",
         "nn.Sequential(nn.Softmax(1), nn.Linear(2, 1), nn.Sigmoid())"),
    ],
)  # fmt: skip
def test_the_outputs_get_another_activation(before: str, after: str) -> None:
    notebook = cells(
        f"import torch\nfrom torch import nn\nmodel = {before}\ncriterion = nn.BCELoss()",
        "loss = criterion(model(x), y)\nloss.backward()",
    )
    fix = ask(notebook, "replace-output-activation", old="Softmax", new="Sigmoid")
    assert changed(fix)[1] == [f"model = {after}"]


def test_an_applied_activation_is_replaced_at_its_call() -> None:
    notebook = cells(
        "import torch\nfrom torch import nn\nmodel = nn.Linear(2, 1)\ncriterion = nn.BCELoss()",
        "p = torch.softmax(model(x), dim=1)\nloss = criterion(p, y)\nloss.backward()",
    )
    fix = ask(notebook, "replace-output-activation", old="Softmax", new="Sigmoid")
    assert changed(fix)[1] == ["p = torch.sigmoid(model(x))"]
