"""use-logits-loss: a loss that takes the raw outputs."""

from __future__ import annotations

import ast

from ...findings import Fix
from ..cells import Spot
from ..names import dotted
from ..patch import Patch
from .base import Case

_LOGITS = {
    "nn.BCELoss": "nn.BCEWithLogitsLoss",
    "nn.NLLLoss": "nn.CrossEntropyLoss",
    "F.binary_cross_entropy": "F.binary_cross_entropy_with_logits",
    "F.nll_loss": "F.cross_entropy",
}


def use_logits_loss(case: Case) -> Fix | None:
    """The same loss, with the activation built in; its other arguments stay."""
    loss = case.loss
    if loss is None:
        return None
    func = _func(loss.construction) or Spot(loss.cell, loss.call.func)
    name = case.flow.names.torch(func.node) or ""
    wanted = _LOGITS.get(name.replace("torch.", "F.") if name.startswith("torch.") else name)
    if wanted is None:
        old = f"nn.{'BCELoss' if loss.kind == 'binary_cross_entropy' else 'NLLLoss'}"
        new = _LOGITS[old] if loss.kind in ("binary_cross_entropy", "nll") else None
        return None if new is None else case.no_construction(loss, "", new)
    patch = Patch(case.flow)
    written = dotted(func.node) or ""
    head, dot, _ = written.rpartition(".")
    last = wanted.partition(".")[2]
    patch.replace(func, f"{head}.{last}" if dot else patch.spell(wanted, func))
    return patch.fix(case.title)


def _func(made: Spot | None) -> Spot | None:
    if made is None or not isinstance(made.node, ast.Call):
        return None
    return Spot(made.cell, made.node.func)
