"""The line to show for a diagnosis."""

from __future__ import annotations

import ast

from ..findings import Location, Target
from .cells import Spot
from .context import Context
from .hidden import hidden_activations
from .optimizers import optimizers


def locate(context: Context, target: Target) -> Location | None:
    """The line that `target` names, or None where it is not certain."""
    spot = _spot(context, target)
    if spot is None or not spot.line:
        return None
    return Location(spot.cell.number, spot.line, spot.cell.code(spot.line))


def _spot(context: Context, target: Target) -> Spot | None:
    loss = context.loss
    if target == "optimizer":
        return _one(optimizers(context.flow, context.cell, context.line))
    if target == "data":
        return _loader(context) or (loss.spot if loss else None)
    if target == "loss":
        return None if loss is None else loss.construction or loss.spot
    if target == "output":
        return _output(context)
    if target == "model":
        return _model(context)
    return None if loss is None else loss.spot


def _loader(context: Context) -> Spot | None:
    loader = context.loader
    if loader is None:
        return None
    return _one([o for o in context.flow.origins(loader) if isinstance(o.node, ast.Call)])


def _output(context: Context) -> Spot | None:
    """The activation nearest to the loss, else the last layer."""
    found = [path.activations[0].spot if path.activations else path.last for path in context.paths]
    return _one([spot for spot in found if spot is not None])


def _model(context: Context) -> Spot | None:
    hidden = hidden_activations(context)
    if hidden:
        return hidden[0].spot
    if context.model is None:
        return None
    owner = context.flow.class_of(context.model)
    return owner or _one(context.flow.origins(context.model))


def _one(spots: list[Spot]) -> Spot | None:
    """The spot, where all agree on one line."""
    lines = {(s.cell.number, s.line) for s in spots}
    return spots[0] if len(lines) == 1 else None
