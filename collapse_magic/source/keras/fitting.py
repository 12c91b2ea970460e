"""stop-early and settle-averages: what `fit` and its layers do between training and evaluation."""

from __future__ import annotations

import ast

from ...findings import Fix
from ..callees import argument_of, given_at
from ..cells import Spot
from ..patch import Patch, example, number
from .case import Case
from .place import Fit

_LAYER = "keras.layers.BatchNormalization"
_PATIENCE = 5
# Of Keras' batch normalization the weight of the past; its default is .99.
_MOMENTUM = 0.9


def stop_early(case: Case) -> Fix | None:
    """`EarlyStopping` among the callbacks of `fit`."""
    arguments = f"patience={_PATIENCE}, restore_best_weights=True"
    known = isinstance(case.place, Fit) and given_at(case.flow, case.spot, "callbacks")
    if isinstance(case.place, Fit) and known:
        given = argument_of(case.flow, case.spot, "callbacks")
        patch = Patch(case.flow)
        where = case.place.spot if given is None else given
        stop = case.spell(patch, "keras.callbacks.EarlyStopping", where)
        made = f"{stop}({arguments})"
        if given is None:
            patch.set_argument(case.place.spot, "callbacks", f"[{made}]")
            return patch.fix(case.title)
        if isinstance(given.node, ast.List) and "EarlyStopping" not in given.text:
            listed = [given.cell.text(one) for one in given.node.elts]
            patch.replace(given, f"[{', '.join([*listed, made])}]")
            return patch.fix(case.title)
        held = [] if given is None else case.flow.origins(given)
        if len(held) == 1 and isinstance(held[0].node, ast.List) and "Early" not in held[0].text:
            patch.replace(given, f"[*{given.text}, {made}]")
            return patch.fix(case.title)
    return example(
        case.title, [], [f"stop = keras.callbacks.EarlyStopping({arguments})", "# callbacks=[stop]"]
    )


def settle_averages(case: Case) -> Fix | None:
    """The momentum of the batch normalizations, so that fewer steps settle their averages."""
    patch = Patch(case.flow)
    for cell in case.flow.latest_first:
        for node in cell.nodes:
            if not isinstance(node, ast.Call) or case.flow.names.keras(node.func) != _LAYER:
                continue
            given = next((k.value for k in node.keywords if k.arg == "momentum"), None)
            if given is None or _is_large(given):
                patch.set_argument(Spot(cell, node), "momentum", number(_MOMENTUM))
    return patch.fix(case.title) or example(
        case.title,
        [],
        [
            "# are the inputs of validation prepared as those of training?",
            "# the share of the past in the averages:",
            f"keras.layers.BatchNormalization(momentum={number(_MOMENTUM)})",
        ],
    )


def _is_large(node: ast.expr) -> bool:
    return (
        isinstance(node, ast.Constant)
        and isinstance(node.value, (int, float))
        and node.value > _MOMENTUM
    )
