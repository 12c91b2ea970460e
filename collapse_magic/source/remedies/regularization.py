"""lower-weight-decay and lower-dropout: how strongly the model is held back."""

from __future__ import annotations

import ast

from ...findings import Fix
from ..cells import Spot
from ..flow import Flow
from ..optimizers import optimizers
from ..patch import Patch, example, number
from .base import Case


def lower_weight_decay(case: Case) -> Fix | None:
    """`weight_decay` at the optimizer's construction."""
    new = number(case.values["new"])
    if not case.values.get("old"):
        return example(
            case.title, [], ["# a hundredth of the penalty that is added to the loss, or less"]
        )
    found = optimizers(case.flow, case.cell, case.line)
    if len(found) != 1:
        return example(case.title, [], [f"weight_decay={new}  # of the optimizer"])
    patch = Patch(case.flow)
    patch.set_argument(found[0], "weight_decay", new)
    return patch.fix(case.title)


def lower_dropout(case: Case) -> Fix | None:
    """The probability of the dropouts that have the measured one."""
    old, new = float(case.values["old"]), number(case.values["new"])
    made = [
        Spot(cell, node)
        for cell in case.flow.latest_first
        for node in cell.nodes
        if isinstance(node, ast.Call)
        and (case.flow.names.torch(node.func) or "").startswith("nn.Dropout")
    ]
    strong = [spot for spot in made if written(case.flow, spot, "p") == old]
    patch = Patch(case.flow)
    for spot in strong:
        patch.set_argument(spot, "p", new, 0)
    if strong:
        return patch.fix(case.title)
    shown = list(dict.fromkeys(spot.text for spot in made))
    return example(case.title, shown, [f"nn.Dropout({new})"])


def written(flow: Flow, spot: Spot, name: str) -> float | None:
    """The number that a call is given by this name or first: as it stands there, or as the value
    of the user's variable."""
    assert isinstance(spot.node, ast.Call)
    named = [k.value for k in spot.node.keywords if k.arg == name]
    given = named[0] if named else spot.node.args[0] if spot.node.args else None
    if isinstance(given, ast.Name):
        bound = [binding.value for binding in flow.values(Spot(spot.cell, given))]
        given = bound[0] if len(bound) == 1 else None
    if isinstance(given, ast.Constant) and isinstance(given.value, (int, float)):
        return float(given.value)
    return None
