"""What validation says beside the training of the same time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ..history import History, WindowTotal
from ..records import PredictionWindow
from ..statistics import ratio
from . import gates

# An accuracy over 150 samples is known to some eight points, twice its standard error.
MIN_SAMPLES = 150
# An evaluation of few samples counts together with the next ones.
MIN_EVALUATIONS = 3


@dataclass(frozen=True, slots=True)
class Validation:
    """Evaluations of a site, oldest first, and the training samples counted last."""

    site: str
    train: WindowTotal
    evaluations: tuple[WindowTotal, ...]

    @property
    def last(self) -> WindowTotal:
        return self.evaluations[-1]


def validation(history: History, site: str) -> Validation | None:
    """None where there are too few evaluations beside the training, or data in order of the
    classes."""
    evaluations = _evaluations(history.windows(site, "eval"))
    train = history.total(site, "train", gates.MIN_SAMPLES) or _all(history, site)
    if len(evaluations) < MIN_EVALUATIONS or train is None or gates.sees_one_class_at_a_time(train):
        return None
    # an evaluation that is long past says nothing of the training now
    if evaluations[-1].last_step < history.steps / 2:
        return None
    return Validation(site, train, evaluations)


def not_validated(history: History) -> str | None:
    """Why a rule that needs validation cannot run, or None if it can."""
    reason = gates.no_classification(history)
    if reason is None and not any(history.windows(site, "eval") for site in history.sites()):
        return "no validation data"
    return reason


def accuracy(total: WindowTotal) -> float:
    return ratio(sum(total.window.correct), sum(total.window.labels))


def shift(total: WindowTotal) -> float:
    """Share of the samples by which the predicted classes differ from the labels, as shares."""
    pairs = zip(total.predicted_share, total.prior, strict=True)
    return sum(abs(predicted - label) for predicted, label in pairs) / 2


def collapsed(total: WindowTotal) -> bool:
    """Whether nearly all of an evaluation is taken for one class, though its labels are several."""
    return total.top >= gates.ONE_CLASS_SHARE and total.ttop <= gates.LABELS_NEARLY_ONE_CLASS


def _all(history: History, site: str) -> WindowTotal | None:
    windows = history.windows(site)
    total = WindowTotal.of(windows) if windows else None
    return total if total is not None and total.samples >= MIN_SAMPLES else None


def _evaluations(windows: Sequence[PredictionWindow]) -> tuple[WindowTotal, ...]:
    """Totals of consecutive windows that hold enough samples each; what is left joins the last."""
    parts: list[list[PredictionWindow]] = [[]]
    for window in windows:
        if sum(part.samples for part in parts[-1]) >= MIN_SAMPLES:
            parts.append([])
        parts[-1].append(window)
    if len(parts) > 1 and sum(part.samples for part in parts[-1]) < MIN_SAMPLES:
        short = parts.pop()
        parts[-1] += short
    enough = (part for part in parts if sum(window.samples for window in part) >= MIN_SAMPLES)
    return tuple(WindowTotal.of(part) for part in enough)
