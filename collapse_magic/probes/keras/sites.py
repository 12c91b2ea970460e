"""A site: one loss of one model, and what is kept of its batches until the next flush."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from ...records import LossValues, Phase
from ..base import ProbeContext
from ..calls import Array, LossCall
from ..facts import Facts
from ..tasks import DISTANCES, PROBABILITY_LOSSES
from ..window_records import window_record
from .arrays import array, rows
from .losses import LossSeen

MOST_BATCHES = 64
# The first windows are shorter, each twice the one before: a short run has a course, too.
_FIRST_BATCHES = 16
_MOST_BYTES = 4 * 2**20
# What people add to a probability before they take its logarithm is a thousandth at the most.
_MARGIN = 1e-3


class _Batch(NamedTuple):
    step: int
    scores: Array
    targets: Array
    weights: Array | None


class Site:
    """One loss of one model, trained with and evaluated."""

    def __init__(self, name: str, context: ProbeContext, model: str | None) -> None:
        self.name = name
        self.facts = Facts(name, context)
        self.facts.name_model(model)
        self.non_finite_told = False
        self.most = 1  # steps of one execution, of which the last is seen
        self._context = context
        self._signature: tuple[Any, ...] | None = None
        self._values: tuple[list[int], list[Any]] = ([], [])
        self._held: dict[Phase, list[_Batch]] = {"train": [], "eval": []}
        self._most: dict[Phase, int] = {"train": _FIRST_BATCHES, "eval": MOST_BATCHES}
        self._bytes = 0

    @property
    def full(self) -> bool:
        held = any(len(batches) >= self._most[phase] for phase, batches in self._held.items())
        return held or self._bytes >= _MOST_BYTES or len(self._values[0]) >= 4 * MOST_BATCHES

    def take(self, phase: Phase, step: int, seen: LossSeen) -> None:
        """One batch, whose tensors have values."""
        if phase == "train":
            self._values[0].append(step)
            self._values[1].append(seen.value)
        if seen.scores is None or seen.targets is None:
            if self.facts.call is None:
                self.facts.learn_unknown(seen.loss, step)
            return
        if self.facts.hopeless and (phase == "eval" or self._signature == _signature(seen)):
            return
        scores, targets = array(seen.scores), array(seen.targets)
        if seen.written and not _are_labels(targets, seen.loss):
            if self.facts.call is None:
                self.facts.learn_unknown("custom", step)
            return
        if seen.written and seen.loss in PROBABILITY_LOSSES:
            scores = _without_margin(scores)
        if not targets.size:
            return  # no sample tells what the task is
        weights = None if seen.weights is None else array(seen.weights)
        call = _call(seen, scores, targets)
        scores, targets, weights = rows(seen.loss, scores, targets, weights)
        known = phase == "eval" and self.facts.judged is not None  # told as it is trained with
        if not known and self._signature != _signature(seen):
            self._signature = _signature(seen)
            if self.facts.meet(call):
                self.facts.judge(step, _counted(targets, weights))
        if self.facts.hopeless:
            return
        self._held[phase].append(_Batch(step, scores, targets, weights))
        self._bytes += scores.nbytes + targets.nbytes

    def flush(self, train_one_in: int, eval_one_in: int) -> None:
        """Emit what is held; one execution of the model's functions in so many was counted."""
        steps, values = self._values
        if steps:
            self._values = ([], [])
            losses = tuple(loss_value(value) for value in values)
            self._context.emit(LossValues(self.name, tuple(steps), losses))
        self._bytes = 0
        for phase, one_in in (("train", train_one_in), ("eval", eval_one_in)):
            self._flush_window(phase, one_in * self.most)  # type: ignore[arg-type]

    def _flush_window(self, phase: Phase, one_in: int) -> None:
        batches = self._held[phase]
        if not batches:
            return
        self._held[phase] = []
        self._most[phase] = min(2 * self._most[phase], MOST_BATCHES)
        record = window_record(
            self.facts,
            phase,
            tuple(batch.step for batch in batches),
            [batch.scores for batch in batches],
            [batch.targets for batch in batches],
            [batch.weights for batch in batches if batch.weights is not None],
            one_in,
        )
        if record is not None:
            self._context.emit(record)


def loss_value(value: Any) -> float:
    """The loss as a number: the mean, where it was seen before the user had reduced it."""
    values = np.asarray(value)
    return float(values) if values.ndim == 0 else float(values.astype(np.float64).mean())


def _are_labels(targets: Array, loss: str) -> bool:
    """Whether what a logarithm was multiplied with is labels, and not labels times weights.

    What has a share in both terms of a loss of yes and no is labels, though they be 0 to 3.
    """
    if np.issubdtype(targets.dtype, np.integer) or loss in DISTANCES:
        return True
    if loss.startswith("binary"):
        return bool((targets == np.round(targets)).all())
    return bool(((targets == 0) | (targets == 1)).all())


def _without_margin(scores: Array) -> Array:
    """Probabilities without what was added to keep the logarithm finite."""
    low, high = scores.min(initial=0.0), scores.max(initial=1.0)
    near = low >= -_MARGIN and high <= 1 + _MARGIN
    return np.clip(scores, 0.0, 1.0) if near else scores


def _signature(seen: LossSeen) -> tuple[Any, ...]:
    given, wanted = seen.scores, seen.targets
    return (seen.loss, seen.activations, seen.weighted, given.shape[1:], wanted.shape[1:])


def _counted(targets: Array, weights: Array | None) -> Array:
    """Targets without what has no weight, which may be anything: 0 stands there."""
    if weights is None or weights.shape != targets.shape[: weights.ndim]:
        return targets
    used = weights.reshape(weights.shape + (1,) * (targets.ndim - weights.ndim)) != 0
    return np.where(used, targets, 0)


def _call(seen: LossSeen, scores: Array, targets: Array) -> LossCall:
    classes_last = scores.ndim > 2 or (scores.ndim == 2 and targets.ndim == 1)
    rows_shape = (scores.size // scores.shape[-1], scores.shape[-1]) if classes_last else None
    return LossCall(
        loss=seen.loss,
        activations=seen.activations,
        input_shape=tuple(scores.shape),
        target_shape=tuple(targets.shape),
        broadcast=False,
        weighted=seen.weighted,
        ignore_index=seen.ignore_index,
        class_weights=None,
        rows_shape=rows_shape,
    )
