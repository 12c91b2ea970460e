"""The line to show for a diagnosis."""

from __future__ import annotations

from ...findings import Location, Target
from ..cells import Spot
from .case import Case


def locate(case: Case, target: Target) -> Location | None:
    """The line that `target` names, or None where it is not certain."""
    spot = _spot(case, target)
    if spot is None or not spot.line:
        return None
    return Location(spot.cell.number, spot.line, spot.cell.code(spot.line))


def _spot(case: Case, target: Target) -> Spot | None:
    if target == "optimizer":
        return case.optimizers[0].spot if len(case.optimizers) == 1 else None
    if target == "loss":
        return None if case.loss is None else case.loss.spot
    if target == "labels":
        return case.labels or case.spot
    if target == "output":
        return _output(case)
    if target == "model":
        return _model(case)
    return case.spot


def _output(case: Case) -> Spot | None:
    """The activation nearest to the loss, else the last layer."""
    if case.output_activations:
        return case.output_activations[0].value
    layer = case.last_layer
    return None if layer is None else layer.made


def _model(case: Case) -> Spot | None:
    if case.model is None:
        return None
    hidden = case.models.hidden(case.model, case.steps)
    if hidden:
        return hidden[0].value
    made = case.models.constructions(case.model)
    return made[0] if len(made) == 1 else None
