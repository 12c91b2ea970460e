"""Remedies that can only be shown: what to look at, in the user's names."""

from __future__ import annotations

import ast

from ...findings import Fix
from ..cells import Spot
from ..names import dotted
from ..patch import example
from .case import Case
from .place import Fit

_BATCH = 32
_EPOCHS = 200


def check_one_batch(case: Case) -> Fix | None:
    """Train on one batch only: a sound model and loop bring its loss near zero."""
    head = "# a sound model learns one batch by heart: the loss goes to about 0"
    if not isinstance(case.place, Fit):
        return _one_batch_of_tape(case, head)
    fit, data, labels = case.place, case.place.argument("x"), case.labels
    given = None if data is None else dotted(data.node)
    if given is None:
        return None
    if labels is None:
        return example(
            case.title, [], [head, f"{fit.model.text}.fit({given}.take(1), epochs={_EPOCHS})"]
        )
    target = dotted(labels.node) or "y"
    rows = f"{given}[:{_BATCH}], {target}[:{_BATCH}]"
    return example(case.title, [], [head, f"{fit.model.text}.fit({rows}, epochs={_EPOCHS})"])


def _one_batch_of_tape(case: Case, head: str) -> Fix | None:
    call = case.spot.text.split("\n")[0]
    if case.tape_loss is None:
        return None
    return example(
        case.title,
        [],
        [head, f"for _ in range({_EPOCHS}):  # over one batch only", f"    ...  # {call}"],
    )


def count_labels(case: Case) -> Fix | None:
    """How many labels there are of each class."""
    name = None if case.labels is None else dotted(case.labels.node)
    if name is None:
        return None
    return example(case.title, [], [f"print(np.unique({name}, return_counts=True))"])


def initialize_anew(case: Case) -> Fix | None:
    """The initializer that the layers have by default, wherever another one is given."""
    return example(
        case.title, [], ['kernel_initializer="glorot_uniform"  # of every layer; it is the default']
    )


def unfreeze(case: Case) -> Fix | None:
    """The layers that may learn, set before the model is compiled."""
    model = "model" if case.model is None else case.model.text
    return example(
        case.title,
        [],
        [
            f"{model}.trainable = True",
            f"for layer in {model}.layers[:-1]:  # all but the last",
            "    layer.trainable = False",
            "# then compile, and fit",
        ],
    )


def make_step(case: Case) -> Fix | None:
    """The update of the weights, behind the gradients."""
    model = "model" if case.model is None else case.model.text
    name = next((one for one in _optimizer_names(case)), "optimizer")
    line = f"{name}.apply_gradients(zip(gradients, {model}.trainable_variables))"
    return example(case.title, [], ["# behind tape.gradient(...), with what it gives", line])


def _optimizer_names(case: Case) -> list[str]:
    """Variables that hold an optimizer of Keras'."""
    return [
        name
        for name, value in list(case.flow.namespace.items())
        if any(c.__module__.startswith("keras.src.optimizers") for c in type(value).__mro__)
    ]


def clean_inputs(case: Case) -> Fix | None:
    """Find and replace values that are not finite, before the model sees them."""
    wanted = "y" if case.values.get("argument") == "target" else "x"
    if isinstance(case.place, Fit):
        spot = case.place.argument(wanted)
    else:
        spot = case.labels if wanted == "y" else _model_input(case)
    name = None if spot is None else dotted(spot.node)
    if name is None:
        return None
    return example(
        case.title,
        [],
        [
            f"print((~np.isfinite({name})).sum())  # how many",
            f"{name} = np.nan_to_num({name}, nan=0.0, posinf=0.0, neginf=0.0)",
        ],
    )


def _model_input(case: Case) -> Spot | None:
    """What the model is called with."""
    model = case.model
    call = None if model is None else model.cell.parents.get(model.node)
    if model is None or not isinstance(call, ast.Call) or not call.args:
        return None
    return Spot(model.cell, call.args[0])
