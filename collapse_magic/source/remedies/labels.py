"""Rewritings of an argument of the loss call: values, type or shape of labels and outputs."""

from __future__ import annotations

import ast

from ...findings import Fix, Safety
from ..cells import Spot
from ..patch import Patch, primary
from .base import Case

CASTS = {"float", "long", "int", "double", "half", "bool"}
_INVERSE = {"squeeze": "unsqueeze", "unsqueeze": "squeeze"}
# Operators that bind more loosely than a subtraction.
_LOOSE = (ast.BoolOp, ast.Compare, ast.IfExp, ast.Lambda, ast.NamedExpr, ast.Await)
_LOOSE_OPERATORS = (ast.BitOr, ast.BitAnd, ast.BitXor, ast.LShift, ast.RShift)


def shift_labels(case: Case) -> Fix | None:
    """Labels 1..K become 0..K-1."""
    offset = int(case.values.get("offset", 1))
    if case.loss is None or offset == 0:
        return None
    target = case.loss.argument("target")
    sign = "-" if offset > 0 else "+"
    return _rewritten(case, target, f"{term(target)} {sign} {abs(offset)}")


def binarize_labels(case: Case) -> Fix | None:
    """Any positive label becomes 1.0, any other 0.0."""
    if case.loss is None:
        return None
    target = case.loss.argument("target")
    bare = without_call(target, CASTS)
    return _rewritten(case, target, f"({term(bare)} > 0).float()")


def cast_labels(case: Case) -> Fix | None:
    """Labels of the type that the loss wants; a wrong cast of the user is replaced."""
    dtype = str(case.values.get("dtype", ""))
    if case.loss is None or dtype not in CASTS:
        return None
    target = case.loss.argument("target")
    bare = without_call(target, CASTS)
    return _rewritten(case, target, f"{primary(bare)}.{dtype}()", "safe")


def match_shapes(case: Case) -> Fix | None:
    """`squeeze(dim)` or `unsqueeze(dim)` on one argument; its opposite is taken away instead."""
    operation = str(case.values.get("operation", ""))
    if case.loss is None or operation not in _INVERSE:
        return None
    dim = int(case.values.get("dim", 1))
    spot = case.loss.argument(str(case.values.get("argument", "target")))
    undone = without_call(spot, {_INVERSE[operation]}, str(dim))
    if undone is not spot:
        return _rewritten(case, spot, spot.cell.text(undone.node))
    return _rewritten(case, spot, f"{primary(spot)}.{operation}({dim})")


def _rewritten(case: Case, spot: Spot, text: str, safety: Safety = "needs-review") -> Fix | None:
    patch = Patch(case.flow)
    patch.replace(spot, text)
    return patch.fix(case.title, safety)


def without_call(spot: Spot, names: set[str], argument: str | None = None) -> Spot:
    """`y` for `y.float()`; the spot itself where it is no such call."""
    node = spot.node
    if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)):
        return spot
    given = [spot.cell.text(a) for a in node.args]
    if node.func.attr in names and not node.keywords and given == ([argument] if argument else []):
        return Spot(spot.cell, node.func.value)
    return spot


def term(spot: Spot) -> str:
    """The expression as a term of a subtraction or comparison."""
    node, text = spot.node, spot.text
    loose = isinstance(node, _LOOSE) or (
        isinstance(node, ast.BinOp) and isinstance(node.op, _LOOSE_OPERATORS)
    )
    return f"({text})" if loose else text
