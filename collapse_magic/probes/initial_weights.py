"""What is known of the weights that a layer begins with."""

from __future__ import annotations

import math
from typing import NamedTuple

from ..records import Start

# Spread, relative to the largest value, below which all weights of a layer are the same.
_CONSTANT = 1e-6


class InitialWeights(NamedTuple):
    """Mean and standard deviation of a layer's first weights, and what kind of start they are.

    Attributes
        identical_rows: whether all units begin with the same weights, which are not all equal.
    """

    mean: float = math.nan
    deviation: float = math.nan
    start: Start = "unknown"
    identical_rows: bool = False


UNKNOWN = InitialWeights()


def flat(least: float, most: float, mean: float) -> InitialWeights | None:
    """Of a layer whose weights are all alike, as their range tells; None of any other."""
    if most - least > _CONSTANT * max(abs(least), abs(most)):
        return None
    return InitialWeights(mean, 0.0, "zero" if most == least == 0 else "constant")
