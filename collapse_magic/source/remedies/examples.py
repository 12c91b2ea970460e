"""Remedies that can only be shown: the code says too little to write them surely."""

from __future__ import annotations

import ast

from ...findings import Fix
from ..cells import Spot, line_of
from ..names import dotted
from ..outputs import Path
from ..patch import example, primary
from .base import Case
from .labels import CASTS, without_call


def widen_output(case: Case) -> Fix | None:
    """One unit per class and cross entropy, where labels name more than two classes."""
    loss, classes = case.loss, int(case.values.get("classes", 0))
    if loss is None or classes < 2:
        return None
    pairs: list[tuple[str, str]] = []
    layer = _last_linear(case, case.paths[0]) if len(case.paths) == 1 else None
    if layer is not None:
        assert isinstance(layer.node, ast.Call)
        name, first = layer.cell.text(layer.node.func), layer.cell.text(layer.node.args[0])
        pairs.append((layer.text, f"{name}({first}, {classes})"))
    if loss.kind not in ("cross_entropy", "nll"):
        if loss.construction is not None:
            pairs.append((loss.construction.text, "nn.CrossEntropyLoss()"))
        called = loss.cell.text(loss.call.func) if loss.construction else "F.cross_entropy"
        target = primary(without_call(loss.argument("target"), CASTS))
        call = f"{called}({loss.cell.text(loss.input)}, {target}.long())"
        pairs.append((loss.spot.text, call))
    pairs = [(old, new) for old, new in pairs if old != new]
    return example(case.title, [p[0] for p in pairs], [p[1] for p in pairs]) if pairs else None


def _last_linear(case: Case, path: Path) -> Spot | None:
    """Construction of the last layer, where it is `nn.Linear(n, 1)`."""
    last = path.last
    if last is None:
        return None
    spots = [last]
    if isinstance(last.node, ast.Call):
        spots += case.flow.origins(Spot(last.cell, last.node.func))
    for spot in spots:
        node = spot.node
        if isinstance(node, ast.Call) and case.flow.names.torch(node.func) == "nn.Linear":
            return spot if len(node.args) == 2 else None
    return None


def clean_inputs(case: Case) -> Fix | None:
    """Find and replace values that are not finite, before the model sees them."""
    given = _model_input(case)
    if case.values.get("argument") == "target":
        given = None if case.loss is None else _root(case.loss.target)
    if given is None:
        return None
    return example(
        case.title,
        [],
        [
            f"print((~torch.isfinite({given})).sum())  # how many, before the loop over all data",
            f"{given} = torch.nan_to_num({given}, nan=0.0, posinf=0.0, neginf=0.0)",
        ],
    )


def scale_inputs(case: Case) -> Fix | None:
    """Each feature less its mean, over its deviation, both of the training data."""
    given = _model_input(case)
    if given is None:
        return None
    return example(
        case.title,
        [],
        [
            f"mean, std = {given}.mean(0), {given}.std(0)  # of the whole training data, once",
            f"{given} = ({given} - mean) / std  # in training and wherever the model is used",
        ],
    )


def _model_input(case: Case) -> str | None:
    """What the model is called with, as a name."""
    model = case.context.model
    call = None if model is None else model.cell.parents.get(model.node)
    if isinstance(call, ast.Call) and call.args:
        return dotted(call.args[0])
    return None


def initialize_anew(case: Case) -> Fix | None:
    """Every layer's own initialization, in place of what was written over it."""
    model = str(case.values.get("model") or "model")
    rows = [
        cell.code(line_of(node)).strip()
        for cell in case.flow.latest_first
        for node in cell.nodes
        if isinstance(node, ast.Call) and _initializes(case, node)
    ]
    return example(
        case.title,
        list(dict.fromkeys(rows)),
        [
            f"for layer in {model}.modules():  # before the optimizer is made",
            "    if hasattr(layer, 'reset_parameters'):",
            "        layer.reset_parameters()",
        ],
    )


def _initializes(case: Case, node: ast.Call) -> bool:
    """`nn.init.normal_(layer.weight)` and `layer.weight.data.fill_(1)`."""
    name = case.flow.names.path(node.func) or ""
    if name.startswith("torch.nn.init."):
        return True
    called = dotted(node.func) or ""
    filled = called.endswith(("fill_", "zero_", "uniform_", "normal_", "copy_"))
    return filled and ".weight" in called


def count_labels(case: Case) -> Fix | None:
    """How many labels there are of each class."""
    if case.loss is None:
        return None
    labels = _root(case.loss.target)
    return example(
        case.title, [], [f"print(torch.unique({labels}, return_counts=True))  # over all data"]
    )


def check_one_batch(case: Case) -> Fix | None:
    """Train on one batch only: a sound model and loop bring its loss near zero."""
    loss, loader = case.loss, case.context.loader
    model = None if case.context.model is None else dotted(case.context.model.node)
    given = _model_input(case)
    if loss is None or model is None or given is None:
        return None
    lines = ["# a sound model and loop learn one batch by heart: the loss goes to about 0"]
    if loader is not None and (name := dotted(loader.node)) is not None:
        lines.append(f"{given}, {_root(loss.target)} = next(iter({name}))")
    lines += [
        "for _ in range(200):",
        *(f"    {line}" for line in _step(case, loss.spot, model, given)),
        "print(loss.item())",
    ]
    return example(case.title, [], lines)


def _step(case: Case, call: Spot, model: str, given: str) -> list[str]:
    assert case.loss is not None and isinstance(call.node, ast.Call)
    called = call.cell.text(call.node.func)
    target = call.cell.text(case.loss.target)
    optimizer = _optimizer_name(case) or "optimizer"
    return [
        f"{optimizer}.zero_grad()",
        f"loss = {called}({model}({given}), {target})",
        "loss.backward()",
        f"{optimizer}.step()",
    ]


def _optimizer_name(case: Case) -> str | None:
    for node in case.cell.nodes:
        if (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Attribute)
            and node.func.attr == "zero_grad"
        ):
            name = dotted(node.func.value)
            if name is not None and (case.context.model is None or name != case.context.model.text):
                return name
    return None


def _root(node: ast.AST) -> str:
    """`labels` of `labels.float().unsqueeze(1)`."""
    while not isinstance(node, ast.Name):
        node = (
            node.func
            if isinstance(node, ast.Call)
            else node.value
            if isinstance(node, (ast.Attribute, ast.Subscript))
            else ast.Name("labels")
        )
    return node.id
