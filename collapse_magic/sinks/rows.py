"""Records as rows of numbers: the time series that an event file holds."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ..records import Phase, PredictionWindow

NAN = math.nan
# What of a window no other column holds: with these a row can be made into a window again.
_COUNTS = (
    "first_step", "batches", "one_in", "out_of_range", "single_class_batches",
    "input_row_sums_to_one", "exclusive", "newcomers", "newcomers_found",
)  # fmt: skip
AS_MEASURED = (*_COUNTS, "cross_entropy_nats", "outside_unit", "spread_in_batch")


@dataclass(frozen=True, slots=True)
class Field:
    """``size`` columns of a series that belong together; labels, where known, name one each."""

    name: str
    size: int
    labels: tuple[str, ...] | None = None

    def to_dict(self) -> dict[str, Any]:
        data: dict[str, Any] = {"name": self.name, "size": self.size}
        return data if self.labels is None else {**data, "labels": list(self.labels)}


class Series:
    """Rows with strictly increasing steps, made of values that are joined where they share a step.

    The last step stays open until the run has gone past it: several backwards may belong to one
    optimizer step, and a validation may give many windows between two steps.
    """

    def __init__(
        self,
        join: Callable[[Any, Any], Any],
        columns: Callable[[Any], Sequence[float]],
    ) -> None:
        self._join = join
        self._columns = columns
        self._open: tuple[int, float, Any] | None = None
        self._written = -1
        self._rows: list[tuple[float, ...]] = []

    def add(self, step: int, wall_time: float, value: Any) -> None:
        """Takes a value. One that comes too late for its step joins the next one."""
        if self._open is not None:
            if step > self._open[0] > self._written:
                self._close_step()
            else:
                step, value = max(step, self._open[0]), self._join(self._open[2], value)
        self._open = (step, wall_time, value)

    def take(self, run_step: int | None) -> list[tuple[float, ...]]:
        """The rows that are complete where the run is at this step (None: at its end), once."""
        if self._open is not None:
            step = self._open[0]
            if step > self._written and (run_step is None or run_step > step):
                self._close_step()
        rows, self._rows = self._rows, []
        return rows

    def _close_step(self) -> None:
        assert self._open is not None
        step, wall_time, value = self._open
        self._rows.append((step, wall_time, *self._columns(value)))
        self._written, self._open = step, None


# Loss: a value is (sum, count).
def loss_fields() -> tuple[Field, ...]:
    return (Field("loss", 1),)


def join_losses(old: tuple[float, int], new: tuple[float, int]) -> tuple[float, int]:
    return old[0] + new[0], old[1] + new[1]


def loss_columns(value: tuple[float, int]) -> tuple[float]:
    return (value[0] / value[1],)


# Layers, activations, learning rates and epochs: a value is its columns, the last of a step counts.
def layer_fields(layers: int, labels: tuple[str, ...] | None) -> tuple[Field, ...]:
    names = ("gradient_norm", "weight_norm", "update_ratio")
    return tuple(Field(name, layers, labels) for name in names)


def activation_fields(labels: tuple[str, ...]) -> tuple[Field, ...]:
    return tuple(Field(name, len(labels), labels) for name in ("rms", "dead", "seen"))


def learning_rate_fields(groups: int) -> tuple[Field, ...]:
    return (Field("learning_rate", groups),)


def epoch_fields() -> tuple[Field, ...]:
    return (Field("epoch", 1),)


def keep_last(_old: Sequence[float], new: Sequence[float]) -> Sequence[float]:
    return new


def as_they_are(value: Sequence[float]) -> Sequence[float]:
    return value


# Predictions: a value is a PredictionWindow.
def prediction_fields(labels: tuple[str, ...]) -> tuple[Field, ...]:
    classes = len(labels)
    by_class = ("label_share", "predicted_share", "recall", "mean_probability", "pull")
    over_all = ("cross_entropy_over_entropy", "rank", "spread")
    return (
        Field("samples", 1),
        *(Field(name, classes, labels) for name in by_class),
        *(Field(name, 1) for name in over_all),
        *(Field(name, 1) for name in AS_MEASURED),
    )


def prediction_columns(window: PredictionWindow) -> tuple[float, ...]:
    label_share = _shares(window, window.labels)
    recall = (c / n if n else NAN for c, n in zip(window.correct, window.labels, strict=True))
    # What always answering with the class frequencies would cost; nothing where there is one class.
    entropy = _entropy(label_share)
    if not window.exclusive:  # the answer no has its share, too; a mean over the classes
        entropy += _entropy(1 - p for p in label_share)
        entropy /= len(label_share)
    return (
        float(window.samples),
        *label_share,
        *_shares(window, window.predicted),
        *recall,
        *window.mean_probability,
        *window.pull,
        window.cross_entropy_nats / entropy if entropy > 0 else NAN,
        window.rank,
        window.spread,
        *(float(getattr(window, name)) for name in AS_MEASURED),
    )


def window_of(
    site: str, phase: Phase, step: int, columns: Mapping[str, Sequence[float]]
) -> PredictionWindow:
    """The window that `prediction_columns` made a row of, by the fields' names.

    Older logs have fewer fields: such a window is one batch, and what nobody wrote is not known.
    """
    samples = round(columns["samples"][0])
    label_share = columns["label_share"]
    labels = tuple(_count(share, samples) for share in label_share)
    measured = {name: columns[name][0] for name in AS_MEASURED if name in columns}
    counts = {name: _count(value, 1) for name, value in measured.items() if name in _COUNTS}
    ratio = columns["cross_entropy_over_entropy"][0]
    return PredictionWindow(
        site=site,
        phase=phase,
        first_step=counts.get("first_step", step),
        last_step=step,
        batches=counts.get("batches", 1),
        one_in=counts.get("one_in", 1),
        samples=samples,
        labels=labels,
        predicted=tuple(_count(share, samples) for share in columns["predicted_share"]),
        correct=tuple(map(_count, columns["recall"], labels)),
        cross_entropy_nats=measured.get("cross_entropy_nats", ratio * _entropy(label_share)),
        mean_probability=tuple(columns["mean_probability"]),
        pull=tuple(columns["pull"]),
        spread=columns["spread"][0],
        rank=columns["rank"][0],
        outside_unit=measured.get("outside_unit", NAN),
        input_row_sums_to_one=bool(counts.get("input_row_sums_to_one", 0)),
        out_of_range=counts.get("out_of_range", 0),
        single_class_batches=counts.get("single_class_batches", 0),
        exclusive=bool(counts.get("exclusive", 1)),
        newcomers=counts.get("newcomers", 0),
        newcomers_found=counts.get("newcomers_found", 0),
        spread_in_batch=measured.get("spread_in_batch", NAN),
    )


def _count(share: float, whole: int) -> int:
    return 0 if math.isnan(share) else round(share * whole)


def _entropy(label_share: Iterable[float]) -> float:
    return -sum(p * math.log(p) for p in label_share if p > 0)


def join_windows(old: PredictionWindow, new: PredictionWindow) -> PredictionWindow:
    """Both windows as one: counts are added, means weighted by samples."""
    weights = (old.samples, new.samples)

    def mean(first: float, second: float) -> float:
        return _mean((first, second), weights)

    def means(first: Sequence[float], second: Sequence[float]) -> tuple[float, ...]:
        return tuple(map(mean, first, second))

    def sums(first: Sequence[int], second: Sequence[int]) -> tuple[int, ...]:
        return tuple(a + b for a, b in zip(first, second, strict=True))

    return replace(
        old,
        first_step=min(old.first_step, new.first_step),
        last_step=max(old.last_step, new.last_step),
        batches=old.batches + new.batches,
        samples=old.samples + new.samples,
        labels=sums(old.labels, new.labels),
        predicted=sums(old.predicted, new.predicted),
        correct=sums(old.correct, new.correct),
        cross_entropy_nats=mean(old.cross_entropy_nats, new.cross_entropy_nats),
        mean_probability=means(old.mean_probability, new.mean_probability),
        pull=means(old.pull, new.pull),
        spread=math.sqrt(mean(old.spread * old.spread, new.spread * new.spread)),
        rank=_mean_of_known((old.rank, new.rank), weights),
        outside_unit=mean(old.outside_unit, new.outside_unit),
        input_row_sums_to_one=old.input_row_sums_to_one and new.input_row_sums_to_one,
        out_of_range=old.out_of_range + new.out_of_range,
        single_class_batches=old.single_class_batches + new.single_class_batches,
        newcomers=old.newcomers + new.newcomers,
        newcomers_found=old.newcomers_found + new.newcomers_found,
        spread_in_batch=math.sqrt(
            _mean_of_known((old.spread_in_batch**2, new.spread_in_batch**2), weights)
        ),
        confused=join_confused(old.confused, new.confused),
    )


# Confusions: a value is PredictionWindow.confused.
Confused = tuple[tuple[int, int, int], ...]
# Of so many classes all pairs are written, as a matrix; of more the most frequent ones.
MATRIX_CLASSES = 16
WRITTEN_PAIRS = 64


def join_confused(old: Confused, new: Confused) -> Confused:
    """Counts of the same pair added up, the most frequent first."""
    if not (old and new):
        return old or new
    counts = Counter({(true, taken): n for true, taken, n in old})
    counts.update({(true, taken): n for true, taken, n in new})
    return tuple((*pair, n) for pair, n in counts.most_common())


def confusion_fields(labels: tuple[str, ...]) -> tuple[Field, ...]:
    if len(labels) <= MATRIX_CLASSES:
        return (Field("count", len(labels) ** 2),)
    return tuple(Field(name, WRITTEN_PAIRS) for name in ("label", "predicted", "count"))


def confusion_columns(classes: int) -> Callable[[Confused], tuple[float, ...]]:
    """How a value becomes a row: true classes one after another, or pairs with NaN behind them."""

    def matrix(value: Confused) -> tuple[float, ...]:
        cells = [0.0] * classes**2
        for true, taken, samples in value:
            cells[true * classes + taken] = float(samples)
        return tuple(cells)

    def pairs(value: Confused) -> tuple[float, ...]:
        most = value[:WRITTEN_PAIRS]
        missing = (NAN,) * (WRITTEN_PAIRS - len(most))
        return tuple(x for part in range(3) for x in (*(float(v[part]) for v in most), *missing))

    return matrix if classes <= MATRIX_CLASSES else pairs


def _shares(window: PredictionWindow, counts: Sequence[int]) -> tuple[float, ...]:
    """Of all counts; where a sample may have several classes, of the samples."""
    total = sum(counts) if window.exclusive else window.samples
    return tuple(n / total if total else NAN for n in counts)


def _mean(values: Sequence[float], weights: Sequence[int]) -> float:
    total = sum(weights)
    if total == 0:
        return NAN
    # A weight of zero must not turn a NaN of nothing into a NaN of everything.
    return sum(v * w for v, w in zip(values, weights, strict=True) if w) / total


def _mean_of_known(values: Sequence[float], weights: Sequence[int]) -> float:
    """The rank is not defined where one class only was seen; such a window has no say."""
    known = [(v, w) for v, w in zip(values, weights, strict=True) if not math.isnan(v)]
    return _mean([v for v, _ in known], [w for _, w in known]) if known else NAN
