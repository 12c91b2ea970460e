"""The optimizer of a `fit` or of a tape: a string, or the construction of an object."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass

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
    if isinstance(node, ast.Name):
        values = [b.spot for b in flow.values(given) if isinstance(b.value, ast.Constant)]
        if len(values) == 1:
            return of_compile(flow, values[0])
    return list(_made(flow, given))


def _made(flow: Flow, spot: Spot) -> Iterator[Optimizer]:
    for origin in flow.origins(spot):
        if isinstance(origin.node, ast.Call):
            name = flow.names.keras(origin.node.func) or ""
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
    assert isinstance(spot.node, ast.Call)
    given = next((k.value for k in spot.node.keywords if k.arg == "optimizer"), None)
    if given is None and spot.node.args:
        given = spot.node.args[0]
    return [] if given is None else of_compile(flow, Spot(spot.cell, given))
