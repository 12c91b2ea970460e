"""How the user's code makes answers of outputs: found in the source, and cured there."""

from __future__ import annotations

import ast
import math
from collections.abc import Iterator
from typing import Any

import pytest

from collapse_magic.findings import Diagnosis, Remedy
from collapse_magic.source import Code
from collapse_magic.source.answers import Answer
from collapse_magic.source.cells import Cell

from .notebooks import cells, check

HEAD = "import torch\nimport numpy as np\nimport torch.nn.functional as F\nfrom torch import nn"
MODEL = "model = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 1))"
PROBABILITIES = "model = nn.Sequential(nn.Linear(4, 1), nn.Sigmoid())"


def readings(*texts: str) -> list[Answer]:
    notebook = cells(HEAD, *texts)
    return Code(notebook, {}).answers(max(notebook))


def told(*texts: str) -> list[tuple[str, str, float, tuple[str, ...]]]:
    return [
        (one.model, one.how, -1.0 if math.isnan(one.threshold) else one.threshold, one.activations)
        for one in readings(*texts)
    ]


@pytest.mark.parametrize(
    ("code", "how", "threshold", "activations"),
    [
        ("hits = model(x) > 0.5", "threshold", 0.5, ()),
        ("cutoff = 0.5\nhits = model(x) > cutoff", "threshold", 0.5, ()),
        ("hits = (model(x).squeeze(1) >= 0).float()", "threshold", 0.0, ()),
        ("p = torch.sigmoid(model(x))\nhits = p > 0.5", "threshold", 0.5, ("sigmoid",)),
        ("hits = model(x).sigmoid().round()", "threshold", 0.5, ("sigmoid",)),
        ("hits = torch.round(model(x))", "threshold", 0.5, ()),
        ("hits = model(x).argmax(dim=1)", "argmax", -1.0, ()),
        ("hits = torch.argmax(model(x), -1)", "argmax", -1.0, ()),
        ("_, hits = torch.max(model(x).data, 1)", "argmax", -1.0, ()),
        ("hits = np.argmax(model(x).detach().numpy(), axis=1)", "argmax", -1.0, ()),
        ("hits = np.argmax(model.predict(x), axis=-1)", "argmax", -1.0, ()),
        ("scores = model(x).numpy()\nauc = roc_auc_score(y, scores)", "ranking", -1.0, ()),
        ("best = model(x).squeeze(1).topk(100).indices", "ranking", -1.0, ()),
        ("_, best = torch.sort(model(x)[:, 0], descending=True)", "ranking", -1.0, ()),
        ("best = np.argsort(-model.predict(x).ravel())[:50]", "ranking", -1.0, ()),
        (
            "p = torch.sigmoid(model(x))\ncut = torch.quantile(p, 0.9)",
            "ranking",
            -1.0,
            ("sigmoid",),
        ),
        ("cut = model(x).quantile(0.9)", "ranking", -1.0, ()),
        ("bins = np.digitize(model.predict(x), np.linspace(0, 1, 11))", "ranking", -1.0, ()),
    ],
)
def test_what_is_read_and_how(
    code: str, how: str, threshold: float, activations: tuple[str, ...]
) -> None:
    assert told(MODEL, code) == [("model", how, threshold, activations)]


AREA = 'tf.keras.metrics.AUC(name="auc")'


@pytest.mark.parametrize(
    ("metrics", "ranks"),
    [
        (f"[{AREA}]", True),
        ('["AUC"]', True),
        (f'[{AREA}, AUC(curve="PR")]', True),
        (f'[{AREA}, "accuracy"]', False),  # which has a threshold
        ('["accuracy"]', False),
        ("[]", False),
        ("chosen", False),
    ],
)
def test_a_model_of_which_areas_under_curves_are_measured_is_ranked(
    metrics: str, ranks: bool
) -> None:
    compiled = f'net.compile("adam", "binary_crossentropy", metrics={metrics})'
    expected = [("net", "ranking", -1.0, ())] if ranks else []
    assert told("net = keras.Sequential()", compiled, "net.fit(x, y)") == expected


@pytest.mark.parametrize(
    "code",
    [
        "best = model(x).argmax()",  # of the whole batch
        "first = model(x).argmax(0)",
        "hits = y > 0.5",
        "big = loss.item() > 0.5",
        "if len(model(x)) > 0: pass",
        "top = max(1, 2)\nrounded = round(0.3)",
        "hits = model(x) > threshold",
        "kept = model(x) == 0",
        "model(x) >",  # does not parse
    ],
)
def test_what_is_no_reading(code: str) -> None:
    assert told(MODEL, code) == []


def test_an_activation_inside_of_the_model_is_one_of_the_outputs() -> None:
    assert told(PROBABILITIES, "hits = model(x) > 0") == [("model", "threshold", 0.0, ("sigmoid",))]


def test_helpers_of_other_cells_are_read_and_their_parameters_are_what_is_given() -> None:
    helper = """
        def accuracy(net, rows, truth):
            said = net(rows)[:, 0] > 0.5
            return (said == truth).float().mean()
        """
    (found,) = readings(MODEL, helper, "print(accuracy(model, x, y))")
    assert (found.model, found.spot.cell.number, found.spot.line, found.column) == (
        "model",
        3,
        2,
        11,
    )


def test_other_cells_read_other_outputs_and_a_model_gates_its_own() -> None:
    gated = """
        class Gated(nn.Module):
            def forward(self, x):
                return self.inner(x) * (self.gate(x) > 0.5)
        """
    assert told(MODEL, "old = model(x) > 0.5", gated, "model(x).sum().backward()") == []


def test_two_ways_to_a_reading_are_two() -> None:
    either = "out = model(x)\nif smooth:\n    out = torch.sigmoid(out)\nhits = out > 0.5"
    assert {one[3] for one in told(MODEL, either)} == {(), ("sigmoid",)}


def test_a_script_is_one_cell() -> None:
    script = {0: f"{HEAD}\n{MODEL}\nhits = model(x) > 0.5"}
    assert [one.spot.line for one in Code(script, {}).answers(None)] == [6]
    assert Code({1: script[0], 2: "x = 1"}, {}).answers(None) == []


def cured(text: str, model: str = MODEL, **values: Any) -> tuple[str, str]:
    """(safety, what takes the place of the code), by the fix for the one reading of a cell."""
    notebook = cells(HEAD, model, text)
    code = Code(notebook, {})
    (found,) = code.answers(3)
    remedy = Remedy(
        "read-outputs",
        "read it rightly",
        {
            "model": found.model,
            "how": found.how,
            "threshold": found.threshold,
            "cell": found.spot.cell.number,
            "line": found.spot.line,
            "watched": 3,
            **values,
        },
    )
    asked = Diagnosis(
        "wrong-threshold", "CM418", "warning", "likely", "m", (), 1, 1, remedy, "reading"
    )
    shown = code.locate(asked, None, None)
    assert shown is not None and shown.code == notebook[3].split("\n")[shown.line - 1]
    fix = code.fix(asked, None, None)
    assert fix is not None
    check(fix, notebook)
    return fix.safety, fix.cells.get(3, fix.diff)


@pytest.mark.parametrize(
    ("old", "wanted", "new"),
    [
        ("hits = model(x) > 0.5  # yes", 0.0, "hits = model(x) > 0  # yes"),
        ("hits = (model(x) >= 0.5).float()", 0.0, "hits = (model(x) >= 0).float()"),
        ("hits = model(x).round()", 0.0, "hits = ((model(x) > 0) * 1.0)"),
        ("hits = model(x).argmax(1)", 0.0, "hits = ((model(x)[:, 0] > 0) * 1)"),
        ("hits = torch.argmax(model(x), 1)", 0.5, "hits = ((model(x)[:, 0] > 0.5) * 1)"),
    ],
)
def test_the_cure_stands_where_the_reading_was(old: str, wanted: float, new: str) -> None:
    assert cured(old, wanted=wanted) == ("needs-review", new)


def test_values_and_indices_are_shown_as_an_example() -> None:
    safety, diff = cured("_, hits = torch.max(model(x), 1)", wanted=0.0)
    assert safety == "example"
    assert diff.split("\n")[-1] == "+predicted = ((model(x)[:, 0] > 0) * 1)"


def test_of_a_long_notebook_the_latest_cells_are_read() -> None:
    body = "\n".join(f"value_{i} = compute(value_{i}, {i})" for i in range(200))
    old = "def decide(net, x):\n    return net(x) > 0.25"
    near = f"{MODEL}\ndef choose(net, x):\n    return net(x) > 0.75\nhits = choose(model, x)"
    long = cells(HEAD, old, MODEL, *(f"# part {n}\n{body}" for n in range(12)), near)
    last = max(long)
    found = Code.of_latest(long, {}).answers(last)
    assert [one.threshold for one in found] == [0.75]


def test_a_cell_that_ran_twice_is_read_once() -> None:
    again = {1: HEAD, 2: MODEL, 3: "hits = model(x) > 0.5", 4: MODEL, 5: "hits = model(x) > 0.5"}
    found = Code.of_latest(again, {}).answers(5)
    assert [(one.spot.cell.number, one.model) for one in found] == [(5, "model")]


def test_questions_about_names_walk_a_cell_once(monkeypatch: pytest.MonkeyPatch) -> None:
    walks = 0
    walk = Cell.walk

    def counted(self: Cell, root: ast.AST) -> Iterator[ast.AST]:
        nonlocal walks
        walks += 1
        return walk(self, root)

    monkeypatch.setattr(Cell, "walk", counted)
    many = "\n".join(f"hits_{i} = model(x_{i}) > 0.5" for i in range(100))
    assert len(readings(MODEL, many)) == 100
    assert walks < 10
