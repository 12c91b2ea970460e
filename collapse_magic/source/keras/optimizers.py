"""The optimizer of a `fit` or of a tape: a string, or the construction of an object."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass

from ..callees import argument_of, made_by_keras
from ..cells import Cell, Spot, line_of
from ..flow import Flow
from ..names import dotted

# Classes by the string that `compile` takes.
CLASSES = {
    name.lower(): name
    for name in (
        *("Adam", "AdamW", "SGD", "RMSprop", "Adagrad", "Adadelta", "Adamax", "Nadam", "Ftrl"),
        *("Lion", "Lamb", "Adafactor", "Muon"),
    )
}
_APPLY = ("apply_gradients", "apply", "minimize")


@dataclass(frozen=True)
class Optimizer:
    """``name`` is the class; ``spot`` the string, or the call that makes the object."""

    name: str
    spot: Spot

    @property
    def call(self) -> ast.Call | None:
        return self.spot.node if isinstance(self.spot.node, ast.Call) else None


def of_compile(flow: Flow, given: Spot) -> list[Optimizer]:
    """What `compile(optimizer=...)` names; several where the code cannot tell."""
    node = given.node
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        name = CLASSES.get(node.value.lower())
        return [] if name is None else [Optimizer(name, given)]
    written = flow.literal(given)
    if written is not None:
        return of_compile(flow, written) if written.node is not node else []
    return list(_made(flow, given))


def _made(flow: Flow, spot: Spot) -> Iterator[Optimizer]:
    for origin in flow.origins(spot):
        if isinstance(origin.node, ast.Call):
            name = made_by_keras(flow, origin)
            if name.startswith("keras.optimizers.") and "schedules" not in name:
                yield Optimizer(name.rpartition(".")[2], origin)


def of_tape(flow: Flow, statement: Spot) -> list[Optimizer]:
    """The optimizer that applies gradients nearest to a statement."""
    cell, here = statement.cell, statement.node
    while True:
        scope = cell.scope(here)
        if found := list(_applying(flow, cell, scope, statement.line)):
            return found
        if isinstance(scope, ast.Module):
            return []
        here = scope


def _applying(flow: Flow, cell: Cell, scope: ast.AST, line: int) -> Iterator[Optimizer]:
    calls = [
        node
        for node in cell.walk(scope)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr in _APPLY
    ]
    for call in sorted(calls, key=lambda c: (line_of(c) < line, abs(line_of(c) - line))):
        assert isinstance(call.func, ast.Attribute)
        found = list(_made(flow, Spot(cell, call.func.value)))
        if not found and dotted(call.func.value) == "self.optimizer":
            found = _compiled_in(flow, cell)
        if found:
            yield from found
            return


def _compiled_in(flow: Flow, cell: Cell) -> list[Optimizer]:
    """`self.optimizer` of a `train_step`: that of the one `compile` call."""
    calls = [
        Spot(c, node)
        for c in [*flow.latest_first, cell]
        for node in c.nodes
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr == "compile"
    ]
    unique = {id(spot.node): spot for spot in calls}
    if len(unique) != 1:
        return []
    (spot,) = unique.values()
    given = argument_of(flow, spot, "optimizer", 0)
    return [] if given is None else of_compile(flow, given)
