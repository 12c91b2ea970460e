"""The user's own reading of outputs that were probabilities and become logits."""

from __future__ import annotations

import ast

from ..cells import Spot
from ..names import dotted
from ..patch import Patch
from .case import Case

_HALF = 0.5
_DEPTH = 8
_PASSES_ON = ("numpy", "squeeze", "flatten", "ravel", "reshape", "astype")


def read_as_logits(case: Case, patch: Patch) -> None:
    """`model.predict(x) > 0.5` becomes `> 0`: a probability of one half is a logit of zero."""
    model = None if case.model is None else dotted(case.model.node)
    for cell in case.flow.latest_first if model is not None else ():
        for node in cell.nodes:
            if isinstance(node, ast.Compare) and _compares_with_half(node):
                assert model is not None
                if _is_output(case, Spot(cell, node.left), model, _DEPTH):
                    patch.replace(Spot(cell, node.comparators[0]), "0")


def _compares_with_half(node: ast.Compare) -> bool:
    value = node.comparators[0]
    return (
        len(node.ops) == 1
        and isinstance(node.ops[0], (ast.Gt, ast.GtE, ast.Lt, ast.LtE))
        and isinstance(value, ast.Constant)
        and value.value == _HALF
    )


def _is_output(case: Case, spot: Spot, model: str, depth: int) -> bool:
    """Whether an expression is what the model says, in another shape at most."""
    node = spot.node
    if depth == 0:
        return False
    if isinstance(node, ast.Name):
        values = [b for b in case.flow.values(spot) if not b.loop]
        return len(values) == 1 and _is_output(case, values[0].spot, model, depth - 1)
    if isinstance(node, ast.Subscript):
        return _is_output(case, Spot(spot.cell, node.value), model, depth - 1)
    if not isinstance(node, ast.Call):
        return False
    called = dotted(node.func)
    if called in (model, f"{model}.predict", f"{model}.predict_on_batch"):
        return True
    if isinstance(node.func, ast.Attribute) and node.func.attr in _PASSES_ON:
        return _is_output(case, Spot(spot.cell, node.func.value), model, depth - 1)
    return False
