"""use-logits-loss: a loss that takes the raw outputs."""

from __future__ import annotations

import ast

from ...findings import Fix
from ..cells import Spot
from ..losses import LossCall
from ..names import dotted
from ..patch import Patch
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
    written = dotted(func.node) or ""
    head, dot, _ = written.rpartition(".")
    last = wanted.partition(".")[2]
    patch.replace(func, f"{head}.{last}" if dot else patch.spell(wanted, func))
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
