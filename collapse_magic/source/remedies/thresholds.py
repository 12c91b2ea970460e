"""The user's own reading of outputs that were probabilities and become logits."""

from __future__ import annotations

import ast
from collections.abc import Set

from ..cells import Spot
from ..patch import Patch, primary
from .base import Case

_HALF = 0.5


def read_as_logits(case: Case, patch: Patch, gone: Set[ast.AST]) -> None:
    """`p > 0.5` becomes `p > 0`, and rounding too, where `p` went through a dropped sigmoid.

    A probability of one half is a logit of zero; left as it is, the reading would miss positives.
    """
    for cell in case.flow.latest_first:
        for node in cell.nodes:
            read = read_at_half(case, node)
            if read is None or not _went_through(case, Spot(cell, read), gone):
                continue
            if isinstance(node, ast.Compare):
                patch.replace(Spot(cell, node.comparators[0]), "0")
            else:
                patch.replace(Spot(cell, node), f"({primary(Spot(cell, read))} > 0).float()")


def read_at_half(case: Case, node: ast.AST) -> ast.expr | None:
    """`p` of `p > 0.5`, `torch.round(p)` and `p.round()`."""
    if isinstance(node, ast.Compare):
        return node.left if _compares_with_half(node) else None
    return _rounded(case, node) if isinstance(node, ast.Call) else None


def _compares_with_half(node: ast.Compare) -> bool:
    value = node.comparators[0]
    return (
        len(node.ops) == 1
        and isinstance(node.ops[0], (ast.Gt, ast.GtE, ast.Lt, ast.LtE))
        and isinstance(value, ast.Constant)
        and value.value == _HALF
    )


def _rounded(case: Case, node: ast.Call) -> ast.expr | None:
    if case.flow.names.torch(node.func) == "torch.round":
        return node.args[0] if node.args else None
    if isinstance(node.func, ast.Attribute) and node.func.attr == "round" and not node.args:
        return node.func.value
    return None


def _went_through(case: Case, spot: Spot, gone: Set[ast.AST]) -> bool:
    paths = case.context.outputs.paths(spot)
    return bool(paths) and all(any(a.spot.node in gone for a in p.activations) for p in paths)
