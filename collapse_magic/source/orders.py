"""The order of the training data: shuffled, and the same for inputs and labels."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from ..findings import Fix
from .arrays import Arrays, Root
from .cells import Spot, line_of
from .flow import Flow
from .names import dotted
from .patch import Patch

MIXED = "shuffle the data before a part of them is taken"
_OF_TABLES = ("sort_values", "sort_index", "sample")
_ORDERS = frozenset({"permutation", "randperm"})


def shuffled(flow: Flow, x: Spot | None, y: Spot | None, title: str) -> Fix | None:
    """Inputs and labels in one random order, right behind the later of the statements that make
    them; None where these are not found."""
    if x is None or y is None:
        return None
    of_x, of_y = (Arrays(flow).root(spot) for spot in (x, y))
    if of_x is None or of_y is None or not _alike(flow, of_x, of_y):
        return None
    inputs, labels = of_x.name, of_y.name
    later = max(of_x, of_y, key=lambda root: root.order)
    patch = Patch(flow)
    at = Arrays(flow).written(later, x)
    order, made = _new_order(flow, patch, at, inputs)
    rows = f"{inputs}[{order}], {labels}[{order}]"
    patch.insert_after(at, [made, f"{inputs}, {labels} = {rows}"])
    return patch.fix(title)


def _alike(flow: Flow, x: Root, y: Root) -> bool:
    """Whether both can be brought into one order, as far as the variables tell."""
    values = [flow.namespace.get(root.name) for root in (x, y)]
    homes = {type(value).__module__.partition(".")[0] for value in values}
    if x.name == y.name or not homes <= {"torch", "numpy"}:
        return False
    return len(values[0]) == len(values[1])  # type: ignore[arg-type]  # arrays by their module


def _new_order(flow: Flow, patch: Patch, at: Spot, name: str) -> tuple[str, str]:
    """A name for a random order of the rows of an array, and the statement that makes it."""
    used = {n.id for c in flow.cells.values() for n in c.nodes if isinstance(n, ast.Name)}
    order = "order" if "order" not in used else "row_order"
    if type(flow.namespace.get(name)).__module__.partition(".")[0] == "torch":
        return order, f"{order} = {patch.spell('torch.randperm', at)}(len({name}))"
    np = patch.spell_numpy(at)
    return order, f"{order} = {np}.random.permutation(len({name}))"


def mixed_before_cut(flow: Flow, x: Spot | None, y: Spot | None, title: str) -> Fix | None:
    """Inputs and labels shuffled before a part of them is taken, where the whole has more than one
    class."""
    root = None if y is None else Arrays(flow).root(y)
    labels: Any = None if root is None else flow.namespace.get(root.name)
    if type(labels).__module__.partition(".")[0] not in ("torch", "numpy"):
        return None
    if getattr(labels, "ndim", 0) != 1 or not len(labels) or not (labels != labels[0]).any():
        return None
    return shuffled(flow, x, y, title)


def paired(flow: Flow, x: Spot | None, y: Spot | None, title: str) -> Fix | None:
    """One order for inputs and labels, where the code gives each its own."""
    return (
        _ordered_twice(flow, title)
        or _ordered_apart(flow, x, y, title)
        or _ordered_afterwards(flow, y, title)
    )


def _ordered_apart(flow: Flow, x: Spot | None, y: Spot | None, title: str) -> Fix | None:
    """`a = x[order]`, and `b = y[order]` when `order` is another one: that of the inputs for
    both."""
    of_x, of_y = (_order_of(flow, spot) for spot in (x, y))
    if of_x is None or of_y is None or of_x[1] is of_y[1]:
        return None
    rows, (labels, second) = of_x[0], of_y
    earlier = (rows.cell.number, rows.line) < (labels.cell.number, labels.line)
    statement = labels.cell.statement(second)
    again = isinstance(statement, ast.Assign) and statement.value is second
    patch = Patch(flow)
    if again and earlier and labels.text == rows.text:  # the name is given a new order in between
        patch.remove_statement(Spot(labels.cell, statement))
    elif earlier and isinstance(rows.node, ast.Name):
        patch.replace(labels, rows.text)
    else:
        return None
    return patch.fix(title)


def _order_of(flow: Flow, data: Spot | None) -> tuple[Spot, ast.AST] | None:
    """The index that brings data into a random order, and the call that makes that order."""
    for root in Arrays(flow).chain(data) if data is not None else ():
        value = root.binding.value
        if isinstance(value, ast.Subscript) and isinstance(value.slice, ast.Name):
            rows = Spot(root.binding.cell, value.slice)
            made = flow.values(rows)
            if len(made) == 1 and _makes_order(made[0].value):
                return rows, made[0].value
    return None


@dataclass(frozen=True)
class _Shuffle:
    """A statement that gives one variable a random order of its own."""

    statement: Spot
    name: str


def _ordered_twice(flow: Flow, title: str) -> Fix | None:
    """`rng.shuffle(x); rng.shuffle(y)` and `x, y = x[randperm(n)], y[randperm(n)]`."""
    found = list(_shuffles(flow))
    if len(found) != 2 or found[0].name == found[1].name:
        return None
    if any(isinstance(flow.namespace.get(one.name), list) for one in found):
        return None
    first, second = sorted(found, key=lambda one: (one.statement.cell.number, one.statement.line))
    patch = Patch(flow)
    order, made = _new_order(flow, patch, first.statement, first.name)
    lines = [f"{one.name} = {one.name}[{order}]" for one in (first, second)]
    for one, new in ((first, [made, lines[0]]), (second, [lines[1]])):
        patch.remove_statement(one.statement)
        patch.insert_after(one.statement, new)
    return patch.fix(title)


def _shuffles(flow: Flow) -> Iterator[_Shuffle]:
    for number in sorted(flow.cells):
        cell = flow.cells[number]
        for node in sorted(cell.nodes, key=line_of):
            name = _reordered(node)
            if name is not None:
                yield _Shuffle(Spot(cell, node), name)


def _reordered(node: ast.AST) -> str | None:
    """`x` of `rng.shuffle(x)`, `x = x[rng.permutation(n)]`, `x = rng.permutation(x)`."""
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
        call = node.value
        shuffles = (dotted(call.func) or "").rpartition(".")[2] == "shuffle"
        given = call.args[0] if shuffles and len(call.args) == 1 else None
        return given.id if isinstance(given, ast.Name) else None
    if not (isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name)):
        return None
    name, value = node.targets[0].id, node.value
    if isinstance(value, ast.Subscript) and _is_name(value.value, name):
        return name if _makes_order(value.slice) else None
    if isinstance(value, ast.Call) and value.args and _is_name(value.args[0], name):
        called = (dotted(value.func) or "").rpartition(".")[2]
        return name if called in ("permutation", "shuffle") else None
    return None


def _is_name(node: ast.AST, name: str) -> bool:
    return isinstance(node, ast.Name) and node.id == name


def _makes_order(node: ast.AST) -> bool:
    return isinstance(node, ast.Call) and (dotted(node.func) or "").rpartition(".")[2] in _ORDERS


def _ordered_afterwards(flow: Flow, y: Spot | None, title: str) -> Fix | None:
    """`labels = table["late"].copy(); table.sort()`: the order comes first."""
    for root in Arrays(flow).chain(y) if y is not None else ():
        cell = root.binding.cell
        taken = {node.id for node in ast.walk(root.binding.value) if isinstance(node, ast.Name)}
        later = [
            node
            for node in cell.tree.body
            if line_of(node) > line_of(root.binding.statement) and _sorts(node) in taken
        ]
        if len(later) != 1 or root.binding.statement not in cell.tree.body:
            continue
        (node,) = later
        if node.end_lineno == node.lineno:
            patch = Patch(flow)
            patch.remove_statement(Spot(cell, node))
            patch.insert_before(root.statement, [cell.lines[node.lineno - 1].strip()])
            return patch.fix(title)
    return None


def _sorts(node: ast.stmt) -> str | None:
    """`table` of `table.sort(...)`, `rng.shuffle(table)`, `table = table.sort_values(...)`."""
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
        func = node.value.func
        if isinstance(func, ast.Attribute) and func.attr == "sort":
            return dotted(func.value)
        return _reordered(node)
    if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
        name, value = node.targets[0].id, node.value
        called = value.func if isinstance(value, ast.Call) else None
        if isinstance(called, ast.Attribute) and called.attr in _OF_TABLES:
            return name if _is_name(called.value, name) else None
        return _reordered(node)
    return None
