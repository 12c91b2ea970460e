"""Rewritings of the loss call's arguments, and of the loss itself."""

from __future__ import annotations

import pytest

from .notebooks import ask, cells, changed, show

HEAD = (
    "import torch\nimport torch.nn as nn\nimport torch.nn.functional as F\nmodel = nn.Linear(2, 2)"
)


def loop(target: str) -> dict[int, str]:
    return cells(
        HEAD + "\ncriterion = nn.CrossEntropyLoss()",
        f"%%watch_training\nfor x, y in data:\n    loss = criterion(model(x), {target})  # fit\n"
        "    loss.backward()",
    )


@pytest.mark.parametrize(
    ("kind", "values", "before", "after"),
    [
        ("shift-labels", {"offset": 1}, "y", "y - 1"),
        ("shift-labels", {"offset": -1}, "y", "y + 1"),
        ("shift-labels", {"offset": 1}, "y.long()", "y.long() - 1"),
        ("shift-labels", {"offset": 1}, "y if a else b", "(y if a else b) - 1"),
        ("shift-labels", {"offset": 1}, "target=y", "target=y - 1"),
        ("shift-labels", {"offset": 1}, "batch['é']", "batch['é'] - 1"),
        ("shift-labels", {"offset": 1}, "y\n      .long()", "(y\n      .long() - 1)"),
        ("binarize-labels", {}, "y", "(y > 0).float()"),
        ("binarize-labels", {}, "y.float()", "(y > 0).float()"),
        ("binarize-labels", {}, "a | b", "((a | b) > 0).float()"),
        ("cast-labels", {"dtype": "long"}, "y", "y.long()"),
        ("cast-labels", {"dtype": "float"}, "y.long()", "y.float()"),
        ("cast-labels", {"dtype": "float"}, "y[:, 0]", "y[:, 0].float()"),
        ("cast-labels", {"dtype": "float"}, "1 - y", "(1 - y).float()"),
        ("match-shapes", {"operation": "squeeze", "dim": 1}, "y", "y.squeeze(1)"),
        ("match-shapes", {"operation": "unsqueeze", "dim": 1}, "y.float()",
         "y.float().unsqueeze(1)"),
        ("match-shapes", {"operation": "squeeze", "dim": 1}, "y.unsqueeze(1)", "y"),
        ("match-shapes", {"operation": "squeeze", "dim": 1}, "-y", "(-y).squeeze(1)"),
    ],
)  # fmt: skip
def test_the_target_is_rewritten(
    kind: str, values: dict[str, object], before: str, after: str
) -> None:
    notebook = loop(before)
    fix = ask(notebook, kind, **{"argument": "target", **values})
    assert fix is not None and list(fix.cells) == [2]
    assert fix.cells[2] == notebook[2].replace(f", {before})", f", {after})")


def test_the_input_can_be_reshaped_too() -> None:
    fix = ask(loop("y"), "match-shapes", argument="input", operation="squeeze", dim=1)
    assert changed(fix)[1] == ["loss = criterion(model(x).squeeze(1), y)  # fit"]


def test_a_cast_is_safe_and_a_shift_is_not() -> None:
    assert getattr(ask(loop("y"), "cast-labels", dtype="long"), "safety", "") == "safe"
    assert getattr(ask(loop("y"), "shift-labels", offset=1), "safety", "") == "needs-review"


def test_the_loss_call_that_raised_is_enough() -> None:
    notebook = loop("y")
    fix = ask(notebook, "cast-labels", at="criterion(", dtype="long")
    assert changed(fix)[1] == ["loss = criterion(model(x), y.long())  # fit"]
    assert show(notebook, "labels", at="criterion(") == (
        2,
        "loss = criterion(model(x), y)  # fit",
    )


def test_comments_inside_the_call_stay() -> None:
    text = """
    for x, y in data:
        loss = criterion(
            model(x),  # logits
            y,  # classes 1..K
        )
        loss.backward()
    """
    notebook = cells(HEAD + "\ncriterion = nn.CrossEntropyLoss()", text)
    fix = ask(notebook, "shift-labels", offset=1)
    assert changed(fix) == (["y,  # classes 1..K"], ["y - 1,  # classes 1..K"])


@pytest.mark.parametrize(
    ("made", "call", "removed", "added"),
    [
        ("criterion = nn.BCELoss(reduction='sum')", "criterion(p, y)",
         ["criterion = nn.BCELoss(reduction='sum')"],
         ["criterion = nn.BCEWithLogitsLoss(reduction='sum')"]),
        ("criterion = torch.nn.NLLLoss()", "criterion(p, y)",
         ["criterion = torch.nn.NLLLoss()"], ["criterion = torch.nn.CrossEntropyLoss()"]),
        ("", "F.binary_cross_entropy(p, y)", ["loss = F.binary_cross_entropy(p, y)"],
         ["loss = F.binary_cross_entropy_with_logits(p, y)"]),
        ("", "F.nll_loss(p, y, reduction='sum')", ["loss = F.nll_loss(p, y, reduction='sum')"],
         ["loss = F.cross_entropy(p, y, reduction='sum')"]),
        ("from torch.nn import BCELoss\ncriterion = BCELoss()", "criterion(p, y)",
         ["criterion = BCELoss()"], ["criterion = nn.BCEWithLogitsLoss()"]),
        ("criterion = F.binary_cross_entropy", "criterion(p, y)",
         ["criterion = F.binary_cross_entropy"],
         ["criterion = F.binary_cross_entropy_with_logits"]),
    ],
)  # fmt: skip
def test_the_loss_takes_logits(made: str, call: str, removed: list[str], added: list[str]) -> None:
    notebook = cells(HEAD + "\n" + made, f"p = model(x)\nloss = {call}\nloss.backward()")
    assert changed(ask(notebook, "use-logits-loss")) == (removed, added)


def test_more_units_are_an_example_where_the_width_is_not_written() -> None:
    notebook = cells(
        "import torch.nn as nn\nnet = nn.Sequential(nn.Linear(9, wide), nn.Sigmoid())\n"
        "loss_fn = nn.BCELoss()",
        "loss = loss_fn(net(images), digits.float())\nloss.backward()",
    )
    fix = ask(notebook, "widen-output", classes=10)
    assert fix is not None and fix.safety == "example"
    assert changed(fix) == (
        ["nn.Linear(9, wide)", "nn.BCELoss()", "loss_fn(net(images), digits.float())"],
        ["nn.Linear(9, 10)", "nn.CrossEntropyLoss()", "loss_fn(net(images), digits.long())"],
    )


def test_one_batch_and_clean_inputs_are_examples_with_the_users_names() -> None:
    notebook = cells(
        HEAD
        + "\ncriterion = nn.CrossEntropyLoss()\nopt = torch.optim.SGD(model.parameters(), 0.1)",
        """
        for images, digits in tqdm(train_loader):
            opt.zero_grad()
            loss = criterion(model(images), digits)
            loss.backward()
            opt.step()
        """,
    )
    fix = ask(notebook, "check-one-batch")
    assert fix is not None and fix.safety == "example"
    rows = changed(fix)[1]
    assert "images, digits = next(iter(train_loader))" in rows
    assert "loss = criterion(model(images), digits)" in rows
    assert "opt.zero_grad()" in rows
    fix = ask(notebook, "clean-inputs", argument="input")
    assert fix is not None and fix.safety == "example" and "nan_to_num(images" in fix.diff


def test_a_loss_on_logits_takes_the_sigmoid_out_of_the_model() -> None:
    notebook = cells(
        HEAD + "\nnet = nn.Sequential(nn.Linear(2, 1), nn.Sigmoid())\ncriterion = nn.BCELoss()",
        "p = net(x)\nloss = criterion(p, y)\nloss.backward()\nhits = (p > .5) == y",
    )
    fix = ask(notebook, "use-logits-loss", loss="binary_cross_entropy")
    assert changed(fix)[1] == [
        "net = nn.Sequential(nn.Linear(2, 1))",
        "criterion = nn.BCEWithLogitsLoss()",
        "hits = (p > 0) == y",
    ]


def test_more_units_for_cross_entropy_change_the_layer_only() -> None:
    notebook = cells(HEAD + "\nF.cross_entropy(model(x), y).backward()")
    fix = ask(notebook, "widen-output", classes=5)
    assert changed(fix) == (["model = nn.Linear(2, 2)"], ["model = nn.Linear(2, 5)"])
    assert ask(notebook, "widen-output", classes=2) is None


def test_targets_that_are_not_finite_are_named() -> None:
    fix = ask(loop("y.float()"), "clean-inputs", argument="target")
    assert fix is not None and "torch.isfinite(y)" in fix.diff
