"""The optimizer that steps after a backward call, and its construction."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from .callees import made_by
from .cells import Cell, Spot, line_of
from .flow import Flow
from .names import dotted

# Optimizers that live outside of torch.optim, by class name.
_OTHER = frozenset(
    {"AdamW", "Adam", "SGD", "Adafactor", "Lion", "LAMB", "Ranger", "FusedAdam", "AdamW8bit"}
)


def optimizers(flow: Flow, cell: Cell, line: int) -> list[Spot]:
    """Constructions of the optimizer that steps nearest to a line; several where it is open."""
    statements = cell.statements_at(line)
    if not statements:
        return []
    here: ast.AST = statements[0]
    while True:
        scope = cell.scope(here)
        if isinstance(scope, ast.ClassDef):
            here = scope
            continue
        if found := _stepped(flow, cell, scope, line):
            return found
        if isinstance(scope, ast.Module):
            return [] if _made_out_of_sight(flow, cell, line) else _only(flow)
        here = scope


def stepped(flow: Flow, cell: Cell, scope: ast.AST) -> list[Spot]:
    """Expressions that step in a scope and stand for an optimizer."""
    return [
        Spot(cell, value)
        for node in cell.walk(scope)
        if isinstance(node, ast.Call)
        for value in _stepping(node)
        if any(is_optimizer(flow, made) for made in flow.origins(Spot(cell, value)))
        and dotted(value) is not None
    ]


def _stepped(flow: Flow, cell: Cell, scope: ast.AST, line: int) -> list[Spot]:
    steps = [
        (line_of(node) < line, abs(line_of(node) - line), node.col_offset, value)
        for node in cell.walk(scope)
        if isinstance(node, ast.Call)
        for value in _stepping(node)
    ]
    for *_, value in sorted(steps, key=lambda s: s[:3]):
        made = [o for o in flow.origins(Spot(cell, value)) if is_optimizer(flow, o)]
        if made:
            return made
    return []


def _made_out_of_sight(flow: Flow, cell: Cell, line: int) -> bool:
    """Whether what steps is what a function makes that no cell holds."""
    (statement, *_) = cell.statements_at(line)
    made = [
        origin.node
        for node in cell.walk(cell.scope(statement))
        if isinstance(node, ast.Call)
        for value in _stepping(node)
        for origin in flow.origins(Spot(cell, value))
    ]
    return any(isinstance(one, ast.Call) and isinstance(one.func, ast.Name) for one in made)


def _stepping(call: ast.Call) -> Iterator[ast.expr]:
    """What steps in `optimizer.step()`, `scaler.step(optimizer)`."""
    if isinstance(call.func, ast.Attribute) and call.func.attr == "step":
        if call.args:
            yield call.args[0]
        yield call.func.value


def is_optimizer(flow: Flow, spot: Spot) -> bool:
    if not isinstance(spot.node, ast.Call):
        return False
    name = made_by(flow, spot) or spot.cell.text(spot.node.func)
    return name.startswith("optim.") or name.rpartition(".")[2] in _OTHER


def _only(flow: Flow) -> list[Spot]:
    """The one optimizer of the latest cell that makes any (`configure_optimizers`, for example)."""
    for cell in flow.latest_first:
        found = [
            Spot(cell, node)
            for node in cell.nodes
            if isinstance(node, ast.Call) and is_optimizer(flow, Spot(cell, node))
        ]
        if found:
            return found
    return []
