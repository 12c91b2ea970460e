"""What a check has seen, and the figures that several checks ask for."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from collapse_magic.findings import Confidence, Evidence, Severity

from .points import Line

# Fewer points are no course of a training: a recurrent net may answer with one value for five
# epochs before it learns, and twice that is waited for.
ENOUGH_POINTS = 10
# Steps of a training whose points are single batches.
ENOUGH_STEPS = 200
# Less than 3% better than before is the noise of a plateau.
FLAT = 0.97


@dataclass(frozen=True, slots=True)
class Seen:
    """One thing that is wrong, as far as standard summaries show it."""

    message: str
    evidence: tuple[Evidence, ...]
    names: tuple[str, ...]  # of the series it rests on
    step: int
    since: int
    severity: Severity = "error"
    confidence: Confidence = "likely"
    site: str | None = None  # None: that of the training


def fact(text: str, values: Mapping[str, float] | None = None) -> Evidence:
    return Evidence(text, {name: float(value) for name, value in (values or {}).items()})


def middle(values: npt.NDArray[np.float64]) -> float:
    """The median; nan of nothing."""
    return float(np.median(values)) if len(values) else math.nan


def first_value(line: Line) -> float:
    """What it began with: single batches differ, so the middle of the first points."""
    return middle(line.finite.values[: max(1, min(5, len(line) // 10))])


def last_third(line: Line) -> npt.NDArray[np.float64]:
    values = line.finite.values
    return values[-max(1, len(values) // 3) :]


def stands_still(line: Line) -> bool:
    """Whether it did not come down from its second third to its last."""
    values = line.finite.values
    third = len(values) // 3
    if third < 1:
        return False
    return middle(values[-third:]) >= FLAT * middle(values[third:-third])


def before(line: Line, walls: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """The line's values at those moments: the middle of the latest points until then.

    Moments are wall times, since one series may count batches and the other epochs.
    """
    line = line.finite
    width = max(1, len(line) // 20)
    ends = np.searchsorted(line.walls, walls, side="right")
    return np.array([middle(line.values[max(0, e - width) : e]) for e in ends])


def share(values: Sequence[float] | npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Accuracies as shares: some log them in percent."""
    array = np.asarray(values, np.float64)
    finite = array[np.isfinite(array)]
    return array / 100 if len(finite) and finite.max() > 1.5 else array


def constant_answer(accuracy: float) -> float:
    """The least that a constant answer of this accuracy costs, in nats: the labels that it misses
    are as few classes as possible."""
    left, cost = 1.0, 0.0
    if not 0 < accuracy < 1:
        return 0.0
    while left > 1e-9:
        part = min(accuracy, left)
        cost -= part * math.log(part)
        left -= part
    return cost
