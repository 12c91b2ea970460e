"""Which assignments of a name reach a place in the code."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass

from .cells import Cell, Scope, Spot, line_of


@dataclass(frozen=True)
class Binding:
    """A name is given a value. `index` says which part of the value, where it is unpacked."""

    cell: Cell
    statement: ast.AST
    value: ast.expr
    index: int | None = None
    loop: bool = False  # the name runs over the value

    @property
    def spot(self) -> Spot:
        return Spot(self.cell, self.value)


def binding_of(value: Spot) -> Binding:
    """What is given by an expression as an argument or an entry."""
    assert isinstance(value.node, ast.expr)
    return Binding(value.cell, value.cell.statement(value.node), value.node)


def bindings(cell: Cell, scope: ast.AST, name: str) -> list[Binding]:
    """All bindings of a plain name in the body of one scope, in the order of the text."""
    if scope not in cell.bound:  # one walk for all names: long notebooks ask for thousands
        cell.bound[scope] = _by_name(cell, scope)
    found: list[Binding] = cell.bound[scope].get(name, [])
    return found


def _by_name(cell: Cell, scope: ast.AST) -> dict[str, list[Binding]]:
    found: dict[str, list[Binding]] = {}
    for node in cell.walk(scope):
        for target, binding in _bound(cell, node):
            if isinstance(target, ast.Name):
                found.setdefault(target.id, []).append(binding)
    for each in found.values():
        each.sort(key=lambda b: (line_of(b.statement), getattr(b.statement, "col_offset", 0)))
    return found


def attribute_bindings(cell: Cell, owner: ast.ClassDef, name: str) -> list[Binding]:
    """Values given to `self.name` in the methods of a class, or to `name` in its body."""
    found = [*bindings(cell, owner, name)]
    for method in owner.body:
        if not isinstance(method, (ast.FunctionDef, ast.AsyncFunctionDef)) or not method.args.args:
            continue
        this = method.args.args[0].arg
        for node in cell.walk(method):
            for target, binding in _bound(cell, node):
                if (
                    isinstance(target, ast.Attribute)
                    and target.attr == name
                    and isinstance(target.value, ast.Name)
                    and target.value.id == this
                ):
                    found.append(binding)
    return found


def _bound(cell: Cell, node: ast.AST) -> Iterator[tuple[ast.expr, Binding]]:
    if isinstance(node, ast.Assign):
        for target in node.targets:
            yield from _unpacked(cell, node, target, node.value, None, loop=False)
    elif isinstance(node, (ast.AnnAssign, ast.AugAssign, ast.NamedExpr)):
        if node.value is not None:
            yield node.target, Binding(cell, node, node.value)
    elif isinstance(node, (ast.For, ast.AsyncFor)):
        yield from _unpacked(cell, node, node.target, node.iter, None, loop=True)


def _unpacked(
    cell: Cell, node: ast.AST, target: ast.expr, value: ast.expr, index: int | None, *, loop: bool
) -> Iterator[tuple[ast.expr, Binding]]:
    if not isinstance(target, (ast.Tuple, ast.List)):
        yield target, Binding(cell, node, value, index, loop)
        return
    parts = value.elts if isinstance(value, (ast.Tuple, ast.List)) and not loop else None
    for i, part in enumerate(target.elts):
        if parts is not None and len(parts) == len(target.elts):
            yield from _unpacked(cell, node, part, parts[i], None, loop=loop)
        else:
            yield from _unpacked(cell, node, part, value, i, loop=loop)


def reaching(cell: Cell, name: str, node: ast.AST, scope: ast.AST) -> list[Binding]:
    """Bindings in `scope` whose value `name` may have at `node`, the nearest first.

    One that stands on every way to `node` ends the search; one in a branch does not, so that two
    results mean that the code alone cannot tell. Bindings further down in a loop do not count.
    """
    above = {node, *cell.ancestors(node)}
    position = (line_of(node), getattr(node, "col_offset", 0))
    result: list[Binding] = []
    branches: set[tuple[ast.AST, str]] = set()
    for binding in reversed(bindings(cell, scope, name)):
        start = (line_of(binding.statement), getattr(binding.statement, "col_offset", 0))
        if start > position or _inside(binding, above) or _other_branch(binding, above):
            continue
        result.append(binding)
        taken = _branches(binding, above)
        branches.update(taken)
        closed = [
            b for b, side in branches if (b, "body") in branches and (b, "orelse") in branches
        ]
        open_branches = [b for b, _ in taken if b not in closed]
        if not open_branches:
            break
    return result


def last(cell: Cell, name: str) -> list[Binding]:
    """Bindings that a name may have after the cell has run."""
    end = cell.tree.body[-1] if cell.tree.body else None
    if end is None:
        return []
    marker = ast.Pass(lineno=(end.end_lineno or 0) + 1, col_offset=0)
    return reaching(cell, name, marker, cell.tree)


def _inside(binding: Binding, above: set[ast.AST]) -> bool:
    """Whether the place is part of the binding statement's own value."""
    return binding.statement in above and (
        not isinstance(binding.statement, (ast.For, ast.AsyncFor)) or binding.value in above
    )


def _branches(binding: Binding, above: set[ast.AST]) -> list[tuple[ast.AST, str]]:
    """Branches that must be taken for the binding to happen, and that do not contain the place."""
    found: list[tuple[ast.AST, str]] = []
    child = binding.statement
    for parent in binding.cell.ancestors(binding.statement):
        if isinstance(parent, Scope):
            break
        if parent not in above:
            if isinstance(parent, ast.If):
                found.append((parent, "body" if child in parent.body else "orelse"))
            elif isinstance(parent, (ast.ExceptHandler, ast.match_case, ast.IfExp)):
                found.append((parent, "handler"))
        child = parent
    return found


def _other_branch(binding: Binding, above: set[ast.AST]) -> bool:
    """Whether binding and place are in different arms of one `if`."""
    child = binding.statement
    for parent in binding.cell.ancestors(binding.statement):
        if parent in above and isinstance(parent, ast.If):
            for arm in (parent.body, parent.orelse):
                if child in arm and not any(s in above for s in arm) and parent.test not in above:
                    return True
        child = parent
    return False
