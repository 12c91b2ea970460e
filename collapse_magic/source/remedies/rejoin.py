"""join-graph, where the outputs are copied or rounded on their way to the loss."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from ..cells import Spot
from ..patch import Patch, primary
from .base import Case
from .thresholds import read_at_half

# What makes a tensor of a tensor, without its history.
_COPIES = frozenset({"torch.tensor", "torch.as_tensor", "torch.Tensor", "torch.FloatTensor"}) | {
    "torch.autograd.Variable",
    "torch.autograd.variable.Variable",
}
_CASTS = ("float", "double", "int", "long", "type")
_CUTS = ("detach", "requires_grad_")


def rejoin(case: Case, patch: Patch) -> set[ast.AST]:
    """Put the outputs themselves in place of their copies; the nodes that this takes away.

    A copy is `out.data`, `torch.tensor(out, requires_grad=True)`, `(out > 0.5).float()` and
    `out.round()`: none of them has a gradient, and none has another use in front of a loss.
    """
    gone: set[ast.AST] = set()
    for spot in _to_loss(case):
        if spot.node in gone or not isinstance(spot.node, ast.expr):
            continue
        inner = _copied(case, spot)
        if inner is None or not _is_output(case, inner):
            continue
        gone.update(ast.walk(spot.node))
        statement = spot.cell.statement(spot.node)
        if _only_repeats(statement, spot, inner):
            patch.remove_statement(Spot(spot.cell, statement))
        else:
            patch.replace(spot, primary(inner))
    return gone


def _to_loss(case: Case) -> Iterator[Spot]:
    """Expressions that the loss's input is made of, from the loss back to the model's layers."""
    todo = [] if case.loss is None else [case.loss.argument("input")]
    seen: set[ast.AST] = set()
    while todo:
        spot = todo.pop(0)
        if spot.node in seen:
            continue
        seen.add(spot.node)
        for node in ast.walk(spot.node):
            inner = Spot(spot.cell, node)
            yield inner
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
                todo += [b.spot for b in case.flow.values(inner) if not b.loop]
            elif isinstance(node, ast.Call):
                todo += _returned(case, inner)


def _returned(case: Case, call: Spot) -> list[Spot]:
    """What a function of the user's returns, or the `forward` of a model."""
    assert isinstance(call.node, ast.Call)
    function = case.flow.called_function(call)
    if function is None:
        owner = case.flow.class_of(Spot(call.cell, call.node.func))
        function = None if owner is None else case.flow.method(owner, "forward")
    return [] if function is None else case.flow.returns(function)


def _copied(case: Case, spot: Spot) -> Spot | None:
    """What an expression is a copy of; None where it is none."""
    found = _of_copy(case, spot)
    if found is None:
        return None
    while (deeper := _of_copy(case, found) or _cut(found)) is not None:
        found = deeper
    return found


def _of_copy(case: Case, spot: Spot) -> Spot | None:
    node, cell = spot.node, spot.cell
    if isinstance(node, ast.Attribute) and node.attr == "data":
        return Spot(cell, node.value)
    if not isinstance(node, ast.Call):
        return None
    if node.args and (case.flow.names.path(node.func) or "") in _COPIES:
        return Spot(cell, node.args[0])
    if not (case.loss is not None and str(case.loss.kind).startswith("binary")):
        return None
    if isinstance(node.func, ast.Attribute) and node.func.attr in _CASTS:
        compared = read_at_half(case, node.func.value)
        if isinstance(node.func.value, ast.Compare) and compared is not None:
            return Spot(cell, compared)
        return None
    rounded = read_at_half(case, node)
    return None if rounded is None else Spot(cell, rounded)


def _cut(spot: Spot) -> Spot | None:
    """`out` of `out.detach()`."""
    node = spot.node
    func = node.func if isinstance(node, ast.Call) and not node.args else None
    if isinstance(func, ast.Attribute) and func.attr in _CUTS:
        return Spot(spot.cell, func.value)
    return None


def _is_output(case: Case, spot: Spot) -> bool:
    """Whether an expression comes from the model by ways that all lead there."""
    paths = case.context.outputs.paths(spot)
    return bool(paths) and all(path.models for path in paths)


def _only_repeats(statement: ast.stmt, spot: Spot, inner: Spot) -> bool:
    """`out = torch.tensor(out, requires_grad=True)`."""
    return (
        isinstance(statement, ast.Assign)
        and statement.value is spot.node
        and len(statement.targets) == 1
        and isinstance(statement.targets[0], ast.Name)
        and isinstance(inner.node, ast.Name)
        and statement.targets[0].id == inner.node.id
    )
