"""make-step and train-mode: what a step that is written with a tape lacks."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from ...findings import Fix
from ..cells import Spot, line_of
from ..names import dotted
from ..patch import Patch, example
from .case import Case


def make_step(case: Case) -> Fix | None:
    """The update of the weights, behind the gradients."""
    model = "model" if case.model is None else case.model.text
    names = _optimizer_names(case)
    taken = list(_gradients(case))
    if len(taken) == 1 and len(names) == 1:
        statement, gradients, variables = taken[0]
        line = f"{names[0]}.apply_gradients(zip({gradients}, {variables}))"
        patch = Patch(case.flow)
        patch.insert_after(_last_change(statement, gradients), [line])
        return patch.fix(case.title)
    name = names[0] if names else "optimizer"
    line = f"{name}.apply_gradients(zip(gradients, {model}.trainable_variables))"
    return example(case.title, [], ["# behind tape.gradient(...), with what it gives", line])


def _optimizer_names(case: Case) -> list[str]:
    """Variables that hold an optimizer of Keras'."""
    return [
        name
        for name, value in list(case.flow.namespace.items())
        if any(c.__module__.startswith("keras.src.optimizers") for c in type(value).__mro__)
        and not name.startswith("_")
    ]


def _gradients(case: Case) -> Iterator[tuple[Spot, str, str]]:
    """(statement, name, variables) of `gradients = tape.gradient(loss, variables)`."""
    for cell in case.flow.latest_first:
        for node in cell.nodes:
            call = node.value if isinstance(node, ast.Assign) else None
            func = call.func if isinstance(call, ast.Call) else None
            if isinstance(func, ast.Attribute) and func.attr == "gradient":
                assert isinstance(node, ast.Assign) and isinstance(call, ast.Call)
                name = dotted(node.targets[0])
                if name is not None and len(call.args) == 2:
                    yield Spot(cell, node), name, cell.text(call.args[1])


def _last_change(statement: Spot, name: str) -> Spot:
    """The last statement behind this one, in the same block, that gives the gradients a value."""
    above = statement.cell.parents.get(statement.node)
    body = getattr(above, "body", [])
    if statement.node not in body:
        return statement
    changes = [
        node
        for node in body
        if line_of(node) >= statement.line and isinstance(node, ast.Assign) and _sets(node, name)
    ]
    return Spot(statement.cell, changes[-1])


def _sets(node: ast.Assign, name: str) -> bool:
    return any(
        isinstance(part, ast.Name) and part.id == name
        for target in node.targets
        for part in ast.walk(target)
    )


def train_mode(case: Case) -> Fix | None:
    """`model(x, training=True)` where the tape records it."""
    call = _model_call(case)
    model = "model" if case.model is None else case.model.text
    if call is None:
        return example(case.title, [], [f"{model}(x, training=True)  # where the tape records it"])
    patch = Patch(case.flow)
    patch.set_argument(call, "training", "True", 1)
    return patch.fix(case.title)


def _model_call(case: Case) -> Spot | None:
    model = case.model if case.tape_loss is not None else None
    above = None if model is None else model.cell.parents.get(model.node)
    if model is None or not isinstance(above, ast.Call) or above.func is not model.node:
        return None
    return Spot(model.cell, above)
