"""What a list holds, however it is put together: written out, added up, appended to in a loop."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass, replace

from .cells import Spot, line_of
from .flow import Flow
from .names import dotted
from .scopes import Binding

_DEPTH = 12
_LOOPS = (ast.For, ast.AsyncFor, ast.While)


@dataclass(frozen=True)
class Part:
    """One element as the code writes it.

    ``open`` says that the code alone does not tell how often it is there: it stands in a loop, a
    comprehension or a condition.
    """

    spot: Spot
    open: bool = False


def parts(flow: Flow, spot: Spot, depth: int = _DEPTH) -> list[Part] | None:
    """The elements of a list, in the order of the text; None where the code does not tell."""
    node = spot.node
    if depth == 0:
        return None
    if isinstance(node, (ast.List, ast.Tuple)):
        found: list[Part] = []
        for element in node.elts:
            inner: list[Part] | None = [Part(Spot(spot.cell, element))]
            if isinstance(element, ast.Starred):
                inner = parts(flow, Spot(spot.cell, element.value), depth - 1)
            if inner is None:
                return None
            found += inner
        return found
    if isinstance(node, (ast.ListComp, ast.GeneratorExp)):
        return [Part(Spot(spot.cell, node.elt), open=True)]
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        left = parts(flow, Spot(spot.cell, node.left), depth - 1)
        right = parts(flow, Spot(spot.cell, node.right), depth - 1)
        return None if left is None or right is None else left + right
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mult):
        repeated = parts(flow, Spot(spot.cell, node.left), depth - 1)
        return None if repeated is None else [replace(part, open=True) for part in repeated]
    if isinstance(node, (ast.Name, ast.Attribute)):
        return _bound(flow, spot, depth)
    if isinstance(node, ast.Call) and dotted(node.func) in ("list", "tuple") and node.args:
        return parts(flow, Spot(spot.cell, node.args[0]), depth - 1)
    if isinstance(node, ast.Call) and (function := flow.called_function(spot)) is not None:
        values = flow.returns(function)
        return parts(flow, values[0], depth - 1) if len(values) == 1 else None
    return None


def _bound(flow: Flow, spot: Spot, depth: int) -> list[Part] | None:
    """Of a name: what it is given first, and what is put behind that."""
    bound = [b for b in flow.values(spot) if not isinstance(b.statement, ast.AugAssign)]
    first = bound[-1] if bound and len({id(b.value) for b in bound}) == 1 else None
    name = _target(first)
    if first is None or first.index is not None or first.loop or name is None:
        first = _first(flow, spot)
        name = _target(first)
    if first is None or name is None:
        return None
    found = parts(flow, first.spot, depth - 1)
    for statement, added in _added(first, name):
        more = parts(flow, added, depth - 1)
        if found is None or more is None:
            return None
        held = _is_open(first, statement)
        found = found + [replace(part, open=part.open or held) for part in more]
    return found


def _first(flow: Flow, spot: Spot) -> Binding | None:
    """Where `name += [...]` is the nearest binding: the plain assignment above it."""
    nearest = [b for b in flow.values(spot) if isinstance(b.statement, ast.AugAssign)]
    if not nearest or not isinstance(spot.node, ast.Name):
        return None
    above = nearest[0]
    scope = above.cell.scope(above.statement)
    plain = [
        node
        for node in above.cell.walk(scope)
        if isinstance(node, ast.Assign)
        and any(isinstance(t, ast.Name) and t.id == spot.node.id for t in node.targets)
        and line_of(node) < line_of(above.statement)
    ]
    if not plain:
        return None
    last = max(plain, key=line_of)
    return Binding(above.cell, last, last.value)


def _target(binding: Binding | None) -> str | None:
    statement = None if binding is None else binding.statement
    if isinstance(statement, ast.Assign) and len(statement.targets) == 1:
        return dotted(statement.targets[0])
    return None


def _added(first: Binding, name: str) -> Iterator[tuple[ast.AST, Spot]]:
    """`name += [...]`, `name.append(...)`, `name.extend([...])` in the same scope, below."""
    cell = first.cell
    for node in sorted(cell.walk(cell.scope(first.statement)), key=line_of):
        if line_of(node) <= line_of(first.statement):
            continue
        if isinstance(node, ast.AugAssign) and dotted(node.target) == name:
            yield node, Spot(cell, node.value)
        elif isinstance(node, ast.Call) and len(node.args) == 1:
            if dotted(node.func) == f"{name}.extend":
                yield node, Spot(cell, node.args[0])
            elif dotted(node.func) == f"{name}.append":
                one = ast.copy_location(ast.List([node.args[0]], ast.Load()), node.args[0])
                yield node, Spot(cell, one)


def _is_open(first: Binding, node: ast.AST) -> bool:
    """Whether it stands in a loop or a condition that the first value does not stand in."""
    around = set(first.cell.ancestors(first.statement))
    return any(
        isinstance(above, (*_LOOPS, ast.If)) and above not in around
        for above in first.cell.ancestors(node)
    )
