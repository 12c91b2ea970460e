"""What one run's event files hold that is of use, whoever has read them."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from . import tags
from .points import FEWEST_POINTS, FULL_TAGS, MOST_POINTS, Points

# The plugins that standard summaries belong to.
SCALARS, HISTOGRAMS, CURVES = "scalars", "histograms", "pr_curves"
# More tags than that no experiment has; they are named as left out.
MOST_TAGS = 10_000
# Curves of a tag that are kept: a rule asks for some running.
MOST_CURVES = 16

Array = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class PrCurve:
    """Counts at rising thresholds, as the pr_curves plugin stores them."""

    step: int
    wall: float
    true_positives: Array
    false_positives: Array
    true_negatives: Array
    false_negatives: Array

    @classmethod
    def of(cls, step: int, wall: float, table: Array) -> PrCurve:
        """``table``: (6, thresholds). Raises ValueError."""
        if table.ndim != 2 or table.shape[0] < 4 or table.shape[1] < 1:
            raise ValueError("no precision-recall curve")
        return cls(step, wall, *(table[row].astype(np.float64) for row in range(4)))


@dataclass(slots=True)
class Norms:
    """The norms of what a tag's histograms show."""

    points: Points
    size: int = 0  # values in the newest histogram


@dataclass(slots=True)
class Summaries:
    """Standard summaries of one run, by tag in the order of their first appearance."""

    run: str
    most_points: int = MOST_POINTS  # of each tag
    scalars: dict[str, Points] = field(default_factory=dict)
    histograms: dict[str, Norms] = field(default_factory=dict)
    curves: dict[str, list[PrCurve]] = field(default_factory=dict)
    left_out: int = 0  # tags
    others: int = 0  # tags that say nothing of use
    _ignored: set[str] = field(default_factory=set)

    @property
    def empty(self) -> bool:
        return not (self.scalars or self.histograms or self.curves)

    def wants(self, tag: str, plugin: str) -> bool:
        """Whether the values of a tag are of use; asked before they are decoded."""
        if tag in self.scalars or tag in self.histograms or tag in self.curves:
            return True
        if tag in self._ignored:
            return False
        known = (
            (plugin == SCALARS and tags.scalar(tag) is not None)
            or (plugin == HISTOGRAMS and tags.histogram(tag) is not None)
            or plugin == CURVES
        )
        room = len(self.scalars) + len(self.histograms) + len(self.curves) < MOST_TAGS
        if known and room:
            return True
        self.left_out += known
        self.others += not known
        if len(self._ignored) < MOST_TAGS:
            self._ignored.add(tag)
        return False

    def add_scalar(self, tag: str, step: int, wall: float, value: float) -> None:
        points = self.scalars.get(tag)
        if points is None:
            points = self.scalars[tag] = self._points()
        points.add(step, wall, value)

    def add_histogram(self, tag: str, step: int, wall: float, size: float, norm: float) -> None:
        """``norm``: the root of the sum of the squares of all values."""
        known = self.histograms.get(tag)
        if known is None:
            known = self.histograms[tag] = Norms(self._points())
        known.points.add(step, wall, norm)
        known.size = round(size) if math.isfinite(size) else 0

    def add_curve(self, tag: str, step: int, wall: float, table: Array) -> None:
        """Raises ValueError where it is no curve."""
        kept = self.curves.setdefault(tag, [])
        curve = PrCurve.of(step, wall, table)
        while kept and kept[-1].step >= step:
            kept.pop()
        kept.append(curve)
        del kept[:-MOST_CURVES]

    def _points(self) -> Points:
        few = len(self.scalars) + len(self.histograms) >= FULL_TAGS
        return Points(FEWEST_POINTS if few else self.most_points)


def norm_of_buckets(buckets: Array) -> tuple[float, float]:
    """(count, norm) of a histogram's (buckets, 3): left edge, right edge, count.

    Inside a bucket values are taken to be spread evenly.
    """
    if buckets.ndim != 2 or (len(buckets) and buckets.shape[1] != 3):
        raise ValueError("no histogram")
    if not len(buckets):
        return 0.0, 0.0
    left, right, count = buckets.astype(np.float64).T
    with np.errstate(over="ignore", invalid="ignore"):
        squares = float((count * (left * left + left * right + right * right)).sum() / 3)
    return float(count.sum()), math.sqrt(max(squares, 0.0)) if squares == squares else math.nan
