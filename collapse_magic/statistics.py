"""Pure mathematics on plain numbers: shares, entropies, bounds, merged windows, and wording."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from .records import PredictionWindow

# Two standard errors: one wrong statement in about forty for a one-sided question.
Z = 2.0


def shares(counts: Sequence[float]) -> tuple[float, ...]:
    """Each count over the sum of all; nan where there is nothing to share."""
    total = float(sum(counts))
    return tuple(count / total if total > 0 else math.nan for count in counts)


def entropy_nats(counts: Sequence[float]) -> float:
    """Entropy of the shares of ``counts`` (nats); nan without any count."""
    total = float(sum(counts))
    if total <= 0:
        return math.nan
    return max(0.0, -sum(n / total * math.log(n / total) for n in counts if n > 0))


def ratio(part: float, whole: float) -> float:
    """``part / whole``, nan where ``whole`` is 0."""
    return part / whole if whole else math.nan


def wilson_bounds(successes: float, trials: float, z: float = Z) -> tuple[float, float]:
    """Interval in which the true share lies, for ``successes`` in ``trials`` (Wilson 1927).

    Unlike the normal interval it is honest for shares near 0 and 1 and for few trials; (0, 1) for
    none.
    """
    if trials <= 0:
        return 0.0, 1.0
    share = successes / trials
    scale = 1 + z * z / trials
    centre = (share + z * z / (2 * trials)) / scale
    half = z / scale * math.sqrt(share * (1 - share) / trials + z * z / (4 * trials * trials))
    # the ends are exact where rounding would leave a hair
    low = 0.0 if successes == 0 else centre - half
    return low, 1.0 if successes == trials else centre + half


def weighted_mean(values: Iterable[float], weights: Iterable[float]) -> float:
    """Mean of the values that are not nan; infinities count. nan without any."""
    total, weight_sum = 0.0, 0.0
    for value, weight in zip(values, weights, strict=True):
        if not math.isnan(value) and weight > 0:
            total += value * weight
            weight_sum += weight
    return total / weight_sum if weight_sum else math.nan


def merge_windows(windows: Sequence[PredictionWindow]) -> PredictionWindow:
    """One window that stands for all of ``windows``, which are of one site and phase, oldest first.

    Counts add up; means are weighted by samples; ``spread`` is pooled, so it does not see how the
    mean margin moved between the windows. A site whose number of classes changed keeps the last
    windows only.
    """
    last = windows[-1]
    if len(windows) == 1:
        return last
    classes = len(last.labels)
    same = [window for window in windows if len(window.labels) == classes]
    samples = [window.samples for window in same]

    def mean(values: Iterable[float]) -> float:
        return weighted_mean(values, samples)

    def add(rows: Iterable[Sequence[int]]) -> tuple[int, ...]:
        return tuple(np.sum(np.array(list(rows), dtype=np.int64), axis=0).tolist())

    def mean_rows(rows: Iterable[Sequence[float]]) -> tuple[float, ...]:
        values = np.array(list(rows), dtype=np.float64)
        weights = np.where(np.isnan(values), 0.0, np.array(samples, dtype=np.float64)[:, None])
        with np.errstate(invalid="ignore", divide="ignore"):
            means = (np.nan_to_num(values) * weights).sum(axis=0) / weights.sum(axis=0)
        return tuple(means.tolist())

    return PredictionWindow(
        site=last.site,
        phase=last.phase,
        first_step=same[0].first_step,
        last_step=last.last_step,
        batches=sum(window.batches for window in same),
        one_in=max(window.one_in for window in same),
        samples=sum(samples),
        labels=add(window.labels for window in same),
        predicted=add(window.predicted for window in same),
        correct=add(window.correct for window in same),
        cross_entropy_nats=mean(window.cross_entropy_nats for window in same),
        mean_probability=mean_rows([window.mean_probability for window in same]),
        pull=mean_rows([window.pull for window in same]),
        spread=math.sqrt(mean(window.spread**2 for window in same)),
        rank=mean(window.rank for window in same),
        outside_unit=mean(window.outside_unit for window in same),
        input_row_sums_to_one=all(window.input_row_sums_to_one for window in same),
        out_of_range=sum(window.out_of_range for window in same),
        single_class_batches=sum(window.single_class_batches for window in same),
        exclusive=last.exclusive,
        newcomers=sum(window.newcomers for window in same),
        newcomers_found=sum(window.newcomers_found for window in same),
        spread_in_batch=math.sqrt(mean(window.spread_in_batch**2 for window in same)),
    )


@dataclass(frozen=True)
class WindowTotal:
    """Some windows of one site and phase merged into one, and what follows from the counts."""

    window: PredictionWindow
    middle_step: float = math.nan  # mean step of the samples, where it was asked for

    @classmethod
    def of(cls, windows: Sequence[PredictionWindow]) -> WindowTotal:
        middles = ((window.first_step + window.last_step) / 2 for window in windows)
        return cls(
            merge_windows(windows),
            weighted_mean(middles, (window.samples for window in windows)),
        )

    def with_next(self, other: WindowTotal) -> WindowTotal:
        """Both as one; ``other`` is the later one."""
        middles = self.middle_step, other.middle_step
        return WindowTotal(
            merge_windows([self.window, other.window]),
            weighted_mean(middles, (self.samples, other.samples)),
        )

    @property
    def samples(self) -> int:
        return self.window.samples

    @property
    def batches(self) -> int:
        return self.window.batches

    @property
    def first_step(self) -> int:
        return self.window.first_step

    @property
    def last_step(self) -> int:
        return self.window.last_step

    @property
    def single_class_batches(self) -> int:
        return self.window.single_class_batches

    @property
    def spread(self) -> float:
        return self.window.spread

    @property
    def spread_in_batch(self) -> float:
        return self.window.spread_in_batch

    @property
    def rank(self) -> float:
        return self.window.rank

    @property
    def pull(self) -> tuple[float, ...]:
        return self.window.pull

    @property
    def classes(self) -> int:
        return len(self.window.labels)

    @cached_property
    def prior(self) -> tuple[float, ...]:
        """Share of each class in the labels (of the samples, where one may have several)."""
        return self._shares(self.window.labels)

    @cached_property
    def predicted_share(self) -> tuple[float, ...]:
        return self._shares(self.window.predicted)

    def _shares(self, counts: Sequence[int]) -> tuple[float, ...]:
        if self.window.exclusive:
            return shares(counts)
        return tuple(ratio(count, self.samples) for count in counts)

    @cached_property
    def recall(self) -> tuple[float, ...]:
        """Share of each class' samples that was predicted rightly; nan for a class without any."""
        return tuple(map(ratio, self.window.correct, self.window.labels))

    @cached_property
    def top_class(self) -> int:
        """The most predicted class."""
        return max(range(self.classes), key=self.window.predicted.__getitem__)

    @property
    def top(self) -> float:
        """Share of the most predicted class."""
        return self.predicted_share[self.top_class]

    @cached_property
    def ttop_class(self) -> int:
        """The most frequent label."""
        return max(range(self.classes), key=self.window.labels.__getitem__)

    @property
    def ttop(self) -> float:
        """Share of the most frequent label."""
        return self.prior[self.ttop_class]

    @cached_property
    def entropy_nats(self) -> float:
        """Entropy of the labels: the loss of always answering with their shares."""
        if self.window.exclusive:
            return entropy_nats(self.window.labels)
        sides = [entropy_nats((n, self.samples - n)) for n in self.window.labels]
        return sum(sides) / len(sides)

    @cached_property
    def cross_entropy_over_entropy(self) -> float:
        """1 for always answering with the label shares, less for learning; nan for one class."""
        return ratio(self.window.cross_entropy_nats, self.entropy_nats)

    @property
    def batch_size(self) -> float:
        return ratio(self.samples, self.batches)


def percent(share: float, digits: int = 1) -> str:
    """A share or ratio in words, "98.2%"; only exactly all or nothing is called 100% or 0%."""
    if not math.isfinite(share):
        return "nan"
    smallest = 10.0**-digits
    if share in (0.0, 1.0):
        return f"{100 * share:.0f}%"
    if 100 * share < smallest:
        return f"<{smallest:.{digits}f}%"
    if share < 1:
        share = min(share, 1 - smallest / 100)
    return f"{100 * share:,.{digits}f}%"


def number(value: float) -> str:
    """A measured number in at most four figures: "9.0", "0.693", "4,690", "1.2e-07"."""
    if not math.isfinite(value):
        return "nan" if math.isnan(value) else ("inf" if value > 0 else "-inf")
    size = abs(value)
    if size == 0 or (value == int(value) and 100 <= size < 1e7):
        return f"{int(value):,}"
    if size < 1e-3 or size >= 1e7:
        return f"{value:.1e}"
    if size < 1:
        return f"{value:.3f}"
    return f"{value:.2f}" if size < 2 else (f"{value:.1f}" if size < 100 else f"{value:,.0f}")


def round_measured(value: float, figures: int = 2) -> float:
    """Rounded to significant figures, for numbers that go into the user's code: 8.97 -> 9.0."""
    if value == 0 or not math.isfinite(value):
        return value
    return round(value, figures - 1 - math.floor(math.log10(abs(value))))
