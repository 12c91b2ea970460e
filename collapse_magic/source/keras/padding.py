"""mask-padding: an embedding that tells the layers behind it which steps are padding."""

from __future__ import annotations

import ast

from ...findings import Fix
from ..cells import Spot
from ..patch import Patch, example
from .case import Case


def mask_padding(case: Case) -> Fix | None:
    patch = Patch(case.flow)
    for cell in case.flow.latest_first:
        for node in cell.nodes:
            if (
                isinstance(node, ast.Call)
                and case.flow.names.keras(node.func) == "keras.layers.Embedding"
            ):
                patch.set_argument(Spot(cell, node), "mask_zero", "True")
    return patch.fix(case.title) or example(
        case.title, [], ["layers.Masking(mask_value=0.0),  # in front of the first layer"]
    )
