"""use-logits-loss and change-loss: another loss, for the outputs or for the labels."""

from __future__ import annotations

import ast

from ...findings import Fix
from ..callees import callees
from ..cells import Spot
from ..losses import LossCall
from ..names import dotted
from ..patch import Patch, example
from .activations import applied_before_loss, drop_all
from .base import Case

_LOGITS = {
    "nn.BCELoss": "nn.BCEWithLogitsLoss",
    "nn.NLLLoss": "nn.CrossEntropyLoss",
    "F.binary_cross_entropy": "F.binary_cross_entropy_with_logits",
    "F.nll_loss": "F.cross_entropy",
}

_APPLIES = {
    "nn.BCEWithLogitsLoss": {"sigmoid"},
    "F.binary_cross_entropy_with_logits": {"sigmoid"},
    "nn.CrossEntropyLoss": {"softmax"},  # after log_softmax another one changes nothing
    "F.cross_entropy": {"softmax"},
}


# In place of a distance: of a module, of a function.
_FOR_CLASSES = {
    "BinaryCrossentropy": ("nn.BCELoss", "F.binary_cross_entropy"),
    "CategoricalCrossentropy": ("nn.CrossEntropyLoss", "F.cross_entropy"),
}


def change_loss(case: Case) -> Fix | None:
    """A cross entropy in place of a distance; a softmax that it applies itself goes along."""
    loss, names = case.loss, _FOR_CLASSES.get(str(case.values.get("new")))
    if loss is None or names is None:
        return None
    func = _func(case, loss)
    known = _known(case, func)
    if not known.startswith(("nn.", "F.")) or _has_settings(loss):
        return example(case.title, [loss.spot.text], [names[0] + "()"])
    wanted = names[known.startswith("F.")]
    patch = Patch(case.flow)
    _rename(patch, func, wanted)
    if wanted in _APPLIES:
        applied = applied_before_loss(case, _APPLIES[wanted])
        if applied is None or not (all(applied) and drop_all(case, patch, applied)):
            return None
    return patch.fix(case.title)


def _known(case: Case, func: Spot) -> str:
    """`nn.L1Loss`, also of `LOSSES[name]`."""
    held = callees(case.flow, func) if isinstance(func.node, ast.Subscript) else []
    named = held[0].node if len(held) == 1 else func.node
    return case.flow.names.torch(named) or ""


def _has_settings(loss: LossCall) -> bool:
    """Whether the distance has settings (`beta`, `delta`) that a cross entropy does not take."""
    made = loss.call if loss.construction is None else loss.construction.node
    assert isinstance(made, ast.Call)
    given = {k.arg for k in made.keywords} - {"input", "target", "reduction"}
    return bool(given) or len(made.args) > (2 if made is loss.call else 0)


def _rename(patch: Patch, func: Spot, wanted: str) -> None:
    """The same prefix where there is one."""
    head, dot, _ = (dotted(func.node) or "").rpartition(".")
    last = wanted.partition(".")[2]
    patch.replace(func, f"{head}.{last}" if dot else patch.spell(wanted, func))


def use_logits_loss(case: Case) -> Fix | None:
    """The same loss, with the activation built in; its other arguments stay."""
    loss = case.loss
    if loss is None:
        return None
    func = _func(case, loss)
    wanted = _LOGITS.get(case.flow.names.torch(func.node) or "")
    if wanted is None:
        old = f"nn.{'BCELoss' if loss.kind == 'binary_cross_entropy' else 'NLLLoss'}"
        new = _LOGITS[old] if loss.kind in ("binary_cross_entropy", "nll") else None
        return None if new is None else case.no_construction(loss, "", new)
    patch = Patch(case.flow)
    _rename(patch, func, wanted)
    # An activation that the new loss applies itself has to go along, on every way to the loss.
    applied = applied_before_loss(case, _APPLIES[wanted])
    if applied is not None and not (all(applied) and drop_all(case, patch, applied)):
        return None
    return patch.fix(case.title)


def _func(case: Case, loss: LossCall) -> Spot:
    """Where the loss is named: at its construction, in `partial`, in an alias, or at the call."""
    if loss.construction is not None and isinstance(loss.construction.node, ast.Call):
        made = loss.construction.node
        named = made.args[0] if loss.functional and made.args else made.func
        return Spot(loss.construction.cell, named)
    called = Spot(loss.cell, loss.call.func)
    origins = case.flow.origins(called) if isinstance(called.node, ast.Name) else []
    return origins[0] if len(origins) == 1 else called
