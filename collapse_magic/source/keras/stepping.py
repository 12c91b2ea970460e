"""scale-learning-rate and clip-gradients: arguments of the optimizer."""

from __future__ import annotations

import ast

from ...findings import Fix
from ..cells import Spot
from ..names import dotted
from ..patch import Patch, example, number
from .case import Case
from .models import argument
from .optimizers import Optimizer

_CLIPPING = ("clipnorm", "global_clipnorm", "clipvalue")
# First argument of Keras' schedules, by class; the others scale with nothing.
_SCHEDULES = ("ExponentialDecay", "PolynomialDecay", "CosineDecay", "InverseTimeDecay")


def scale_learning_rate(case: Case) -> Fix | None:
    """The `learning_rate` of the optimizer times a factor; a string becomes an object with one."""
    new = number(case.values["new"])
    if len(case.optimizers) != 1:
        return _shown(case, f"learning_rate={new}")
    optimizer = case.optimizers[0]
    patch = Patch(case.flow)
    call = optimizer.call
    given = None if call is None else argument(call, "learning_rate", 0)
    if call is None:
        _made(case, patch, optimizer, f"learning_rate={new}")
    elif given is None:
        patch.set_argument(optimizer.spot, "learning_rate", new)
    elif (rate := _rate(case, Spot(optimizer.spot.cell, given))) is not None:
        patch.replace(rate, _scaled(case, rate))
    else:
        return _shown(case, f"learning_rate={new}")
    return patch.fix(case.title)


def _rate(case: Case, given: Spot) -> Spot | None:
    """The number behind a rate: itself, what a name holds, or what a schedule starts with."""
    origins = case.flow.origins(given)
    made = origins[0] if len(origins) == 1 else None
    if made is None or not isinstance(made.node, ast.Call):
        return given
    name = (case.flow.names.keras(made.node.func) or "").rpartition(".")[2]
    if name not in _SCHEDULES:
        return None
    initial = argument(made.node, "initial_learning_rate", 0)
    return None if initial is None else Spot(made.cell, initial)


def _scaled(case: Case, rate: Spot) -> str:
    factor = float(case.values.get("factor", 0.1))
    node = rate.node
    if isinstance(node, ast.Constant) and isinstance(node.value, (int, float)):
        old = case.values.get("old")
        if old is not None and abs(node.value - float(old)) <= 1e-6 * abs(node.value):
            return number(case.values["new"])
        return number(node.value * factor)
    simple = isinstance(node, (ast.Name, ast.Attribute, ast.Call, ast.Subscript))
    return f"{rate.text if simple else f'({rate.text})'} * {number(factor)}"


def clip_gradients(case: Case) -> Fix | None:
    """`clipnorm=` of the optimizer, where nothing is clipped so far."""
    text = f"clipnorm={number(case.values.get('max_norm', 1.0))}"
    if len(case.optimizers) != 1:
        return _shown(case, text)
    optimizer = case.optimizers[0]
    patch = Patch(case.flow)
    if optimizer.call is None:
        _made(case, patch, optimizer, text)
        return patch.fix(case.title)
    clipped = [k for k in optimizer.call.keywords if k.arg in _CLIPPING]
    if clipped and clipped[0].arg != "clipnorm":  # Keras takes one of them only
        return _shown(case, text)
    patch.set_argument(optimizer.spot, "clipnorm", text.partition("=")[2])
    return patch.fix(case.title)


def _made(case: Case, patch: Patch, optimizer: Optimizer, arguments: str) -> None:
    """An object in place of a string."""
    name = case.spell(patch, f"keras.optimizers.{optimizer.name}", optimizer.spot)
    patch.replace(optimizer.spot, f"{name}({arguments})")


def _shown(case: Case, text: str) -> Fix:
    call = case.optimizers[0].call if case.optimizers else None
    name = None if call is None else dotted(call.func)
    removed = [one.spot.text for one in case.optimizers]
    return example(case.title, removed, [f"{name or 'keras.optimizers.Adam'}({text})"])
