"""make-step and clear-gradients: what the loop around the backward call lacks."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from ...findings import Fix
from ..cells import Spot
from ..names import dotted
from ..optimizers import is_optimizer
from ..patch import Patch, example
from .base import Case
from .training import scaler_of


def make_step(case: Case) -> Fix | None:
    """`optimizer.step()` after the backward call, or the brackets that it was written without."""
    patch = Patch(case.flow)
    for bare in _bare_steps(case):
        patch.replace(bare, f"{bare.text}()")
        return patch.fix(case.title)
    name = _optimizer_name(case)
    statement = case.context.statement
    backward = statement.node
    if name is None or _steps(case) or not isinstance(backward, ast.Expr):
        return _shown(case, name or "optimizer")
    sent = backward.value
    sent_by = (
        sent.func.value
        if isinstance(sent, ast.Call) and isinstance(sent.func, ast.Attribute)
        else sent
    )
    scaler = scaler_of(sent_by)
    patch.insert_after(statement, [f"{scaler}.step({name})" if scaler else f"{name}.step()"])
    return patch.fix(case.title)


def clear_gradients(case: Case) -> Fix | None:
    """`optimizer.zero_grad()` right after its step: wherever that stands, it is once a step."""
    steps = [step for step in _steps(case) if _alone(step)]
    if len(steps) != 1:
        return example(case.title, [], ["optimizer.zero_grad()  # before the backward call"])
    (step,) = steps
    patch = Patch(case.flow)
    statement = Spot(step.cell, step.cell.statement(step.node))
    patch.insert_after(statement, [f"{_stepped(case, step).text}.zero_grad()"])
    return patch.fix(case.title)


def _shown(case: Case, name: str) -> Fix:
    rows = list(dict.fromkeys(step.cell.code(step.line).strip() for step in _steps(case)))
    if rows:
        return example(case.title, [], ["# is this line ever reached?", *rows])
    return example(case.title, [], ["# after the backward call", f"{name}.step()"])


def _steps(case: Case) -> list[Spot]:
    """Calls that let an optimizer step: those around the backward call, else those of all cells."""
    scope = case.cell.scope(case.context.statement.node)
    here = [Spot(case.cell, node) for node in case.cell.walk(scope)]
    everywhere = [Spot(cell, node) for cell in case.flow.latest_first for node in cell.nodes]
    for spots in (here, everywhere):
        found = [spot for spot in spots if _is_step(case, spot)]
        if found:
            return found
    return []


def _is_step(case: Case, spot: Spot) -> bool:
    node = spot.node
    if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)):
        return False
    return node.func.attr == "step" and _is_optimizer(case, _stepped(case, spot))


def _stepped(case: Case, step: Spot) -> Spot:
    """The optimizer in `optimizer.step()` and `scaler.step(optimizer)`."""
    node = step.node
    assert isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)
    for value in (*node.args[:1], node.func.value):
        if _is_optimizer(case, Spot(step.cell, value)):
            return Spot(step.cell, value)
    return Spot(step.cell, node.func.value)


def _is_optimizer(case: Case, spot: Spot) -> bool:
    return any(is_optimizer(case.flow, origin) for origin in case.flow.origins(spot))


def _alone(step: Spot) -> bool:
    statement = step.cell.statement(step.node)
    return isinstance(statement, ast.Expr) and statement.value is step.node


def _bare_steps(case: Case) -> Iterator[Spot]:
    """`optimizer.step`, which names the method and does not call it."""
    for node in case.cell.walk(case.cell.scope(case.context.statement.node)):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Attribute):
            spot = Spot(case.cell, node.value)
            if node.value.attr == "step" and _is_optimizer(case, Spot(case.cell, node.value.value)):
                yield spot


def _optimizer_name(case: Case) -> str | None:
    """The optimizer as it is called around the backward call: whose gradients are cleared there,
    else the one that is made in the cells."""
    scope = case.cell.scope(case.context.statement.node)
    for node in case.cell.walk(scope):
        if (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Attribute)
            and node.func.attr == "zero_grad"
            and _is_optimizer(case, Spot(case.cell, node.func.value))
        ):
            return dotted(node.func.value)
    names = {name for name, local in _made(case) if not local or local is scope}
    return names.pop() if len(names) == 1 else None


def _made(case: Case) -> Iterator[tuple[str, ast.AST | None]]:
    """(name, function in which it is bound or None) of the optimizers that the cells make."""
    for cell in case.flow.latest_first:
        for node in cell.nodes:
            if not isinstance(node, ast.Assign) or len(node.targets) != 1:
                continue
            target = node.targets[0]
            if isinstance(target, ast.Name) and is_optimizer(case.flow, Spot(cell, node.value)):
                yield target.id, cell.function(node)
