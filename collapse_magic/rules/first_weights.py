"""Whether a layer began as frameworks fill a new one: random numbers of the usual spread."""

from __future__ import annotations

import math
from collections.abc import Iterator

from ..records import LayerFacts

# So many weights of a layer are looked at; their deviation is right within .71 / sqrt(weights).
_SAMPLED = 1024
_STANDARD_ERRORS = 3.0
_SPREAD_ERROR = 0.71
# Rounding, and a fan that is not quite known.
_TOLERANCE = 0.03
# Of fewer weights the deviation tells nothing: that of a trained layer is mostly twice as large.
_MOST_TOLERANCE = 0.42
_GATES = {"LSTM": 4, "GRU": 3, "RNN": 1}


def is_fresh(layer: LayerFacts) -> bool:
    """Zero, constant, or of the deviation that a layer of its size begins with; False in doubt.

    Weights that were trained have another one, mostly a larger one.
    """
    if layer.start in ("zero", "constant"):
        return True
    if layer.start != "random" or not layer.units or not layer.weight_std > 0:
        return False
    weights = min(layer.parameters, _SAMPLED)
    tolerance = _STANDARD_ERRORS * _SPREAD_ERROR / math.sqrt(weights) + _TOLERANCE
    centred = abs(layer.weight_mean) <= 4 * layer.weight_std / math.sqrt(weights)
    return (
        tolerance <= _MOST_TOLERANCE
        and centred
        and any(abs(layer.weight_std / usual - 1) <= tolerance for usual in _usual(layer))
    )


def _usual(layer: LayerFacts) -> Iterator[float]:
    """Deviations of new layers: torch's own, Glorot's and He's."""
    if layer.kind.startswith("Embedding"):
        yield from (1.0, 0.05 / math.sqrt(3))
        return
    if layer.kind in _GATES:
        yield math.sqrt(_GATES[layer.kind] / (3 * layer.units))
    inputs = layer.parameters / layer.units
    for fan_in in {inputs, inputs - 1}:  # with a bias, or without
        if fan_in >= 1:
            yield 1 / math.sqrt(3 * fan_in)
            yield math.sqrt(2 / fan_in)
            yield math.sqrt(2 / (fan_in + layer.units))
