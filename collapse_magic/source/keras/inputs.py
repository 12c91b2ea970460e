"""scale-inputs and clean-inputs: the data that the model is given."""

from __future__ import annotations

import ast

from ...findings import Fix
from ..cells import Spot
from ..names import dotted
from ..patch import example
from ..preparing import cleaned, is_stream, scaled
from .case import Case
from .place import Fit


def scale_inputs(case: Case) -> Fix | None:
    """Each feature less its mean, over its deviation, right behind the statement that makes it."""
    given = _given(case, "x")
    found = None if given is None else scaled(case.flow, given, case.title, case.values)
    name = (None if given is None else dotted(given.node)) or "x"
    return found or example(
        case.title,
        [],
        [
            "normalize = keras.layers.Normalization()  # the first layer of the model",
            f"normalize.adapt({name})",
        ],
    )


def clean_inputs(case: Case) -> Fix | None:
    """Values that are not finite give way to the median of their feature."""
    wanted = "y" if case.values.get("argument") == "target" else "x"
    given = _given(case, wanted)
    if given is not None and wanted == "x":
        alone = isinstance(case.place, Fit) and case.labels is None
        ways = (True, False) if alone else (False,)
        for stream in ways:
            found = cleaned(case.flow, given, case.title, "numpy", stream=stream)
            if found is not None:
                return found
    name = None if given is None else dotted(given.node)
    if name is None:
        return None
    if is_stream(case.flow, name):
        return example(
            case.title,
            [],
            [
                "# x of each batch, where it is not finite:",
                f"{name} = {name}.map(lambda x, y: (tf.where(tf.math.is_finite(x), x, 0.0), y))",
            ],
        )
    return example(
        case.title,
        [],
        [
            f"print((~np.isfinite({name})).sum())  # how many",
            f"{name} = np.nan_to_num({name}, nan=0.0, posinf=0.0, neginf=0.0)",
        ],
    )


def given_inputs(case: Case) -> Spot | None:
    """The expression that the model is given while it trains."""
    return _given(case, "x")


def _given(case: Case, which: str) -> Spot | None:
    """The inputs (x) or the labels (y)."""
    if isinstance(case.place, Fit):
        return case.place.argument(which)
    return case.labels if which == "y" else _model_input(case)


def _model_input(case: Case) -> Spot | None:
    """What the model is called with."""
    model = case.model
    call = None if model is None else model.cell.parents.get(model.node)
    if model is None or not isinstance(call, ast.Call) or not call.args:
        return None
    return Spot(model.cell, call.args[0])
