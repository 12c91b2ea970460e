"""Remedies that can only be shown: the code says too little to write them surely."""

from __future__ import annotations

import ast

from ...findings import Fix
from ..cells import Spot
from ..names import dotted
from ..orders import MIXED, mixed_before_cut
from ..patch import example
from ..spelling import respelled
from .base import Case
from .inputs import input_name, model_input, root_name


def count_labels(case: Case) -> Fix | None:
    """How many labels there are of each class."""
    if case.loss is None:
        return None
    given = case.loss.argument("target")
    found = respelled(case.flow, given, "labels") or mixed_before_cut(
        case.flow, model_input(case), given, MIXED
    )
    if found is not None:
        return found
    labels = root_name(case.loss.target)
    return example(
        case.title, [], [f"print(torch.unique({labels}, return_counts=True))  # over all data"]
    )


def show_one_batch(case: Case) -> Fix | None:
    """Train on one batch only: a sound model and loop bring its loss near zero."""
    loss, loader = case.loss, case.context.loader
    model = None if case.context.model is None else dotted(case.context.model.node)
    given = input_name(case)
    if loss is None or model is None or given is None:
        return example(
            case.title,
            [],
            ["# over the same few samples, a hundred times: the loss should go to about 0"],
        )
    lines = ["# a sound model and loop learn one batch by heart: the loss goes to about 0"]
    if loader is not None and (name := dotted(loader.node)) is not None:
        lines.append(f"{given}, {root_name(loss.target)} = next(iter({name}))")
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
