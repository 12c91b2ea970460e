"""From what a loss was given to scores and labels, one row per sample, in plain NumPy."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from . import windows
from .tasks import (
    DISTANCES,
    INDEX_LOSSES,
    LOGIT_LOSSES,
    PROBABILITY_LOSSES,
    Judgement,
)

Array = NDArray[Any]

_LEAST_PROBABILITY = 1e-7  # about float32's resolution next to 1


@dataclass(frozen=True, slots=True)
class Window:
    """A window's quantities, and what its loss inputs and labels looked like."""

    quantities: windows.Quantities
    outside_unit: float
    input_row_sums_to_one: bool
    out_of_range: int
    # (n,) whether the prediction is the label; None where not every row has one class.
    right: NDArray[np.bool_] | None = None


def scores_by_row(values: Array, classes: int) -> Array:
    """(N, K, ...) -> (samples, K); (K,) -> (1, K)."""
    if values.ndim <= 1:
        return values.reshape(-1, classes)
    if values.ndim == 2:
        return values
    return np.moveaxis(values, 1, -1).reshape(-1, classes)


def summarize(
    loss: str, judged: Judgement, scores: Array, targets: Array, weights: Array | None
) -> Window | None:
    """One window from raw loss inputs.

    Parameters: scores (n, K) where the task has several outputs, else (n,); targets likewise, or
    (n,) indices; weights (n,) of the loss per sample, or None.
    """
    if judged.task == "multiclass":
        return _multiclass(loss, judged, scores, targets, weights)
    if judged.task == "binary":
        return _binary(loss, judged, scores.reshape(-1), targets.reshape(-1), weights)
    if judged.task == "multilabel":
        return _multilabel(loss, scores, targets, weights)
    return None


def _multiclass(
    loss: str, judged: Judgement, scores: Array, targets: Array, weights: Array | None
) -> Window:
    k = judged.classes
    if loss in INDEX_LOSSES:
        labels = targets.astype(np.int64)
        named = np.asarray((labels >= 0) & (labels < k))
    else:
        labels = targets.argmax(axis=1)
        # a row of zeros names no class: a one-hot encoding with too few columns leaves such rows
        named = np.asarray(((targets >= 0) & (targets <= 1)).all(axis=1) & targets.any(axis=1))
    out_of_range = int(len(named) - named.sum())
    outside, sums_to_one = float("nan"), looks_like_probabilities(scores)
    if loss == "nll":  # wants log-probabilities: none above 0
        outside = float((scores > 1e-6).mean()) if scores.size else float("nan")
    elif loss in PROBABILITY_LOSSES:
        outside = float(((scores < 0) | (scores > 1)).mean()) if scores.size else float("nan")
    if out_of_range:
        scores, labels = scores[named], labels[named]
        weights = None if weights is None else weights[named]
    predicted = scores.argmax(axis=1)
    if loss in PROBABILITY_LOSSES or loss in DISTANCES:
        scores = np.log(np.clip(scores, _LEAST_PROBABILITY, None))
    quantities = windows.multiclass(scores, labels, weights, predicted)
    if out_of_range:
        return Window(quantities, outside, sums_to_one, out_of_range)
    return Window(quantities, outside, sums_to_one, 0, predicted == labels)


def _multilabel(loss: str, scores: Array, targets: Array, weights: Array | None) -> Window:
    outside = float("nan")
    logits = scores
    if loss in PROBABILITY_LOSSES:
        outside = float(((scores < 0) | (scores > 1)).mean()) if scores.size else outside
        logits = _log_odds(scores)
    out_of_range = int(((targets < 0) | (targets > 1)).any(axis=1).sum())
    quantities = windows.multilabel(logits, (targets > 0.5).astype(np.int64), weights)
    return Window(quantities, outside, False, out_of_range)


def _binary(
    loss: str, judged: Judgement, scores: Array, targets: Array, weights: Array | None
) -> Window:
    low = -1 if judged.signed else 0
    labels = (targets > (low + 1) / 2).astype(np.int64)
    out_of_range = int(((targets < low) | (targets > 1)).sum())
    outside = float("nan")
    if loss in PROBABILITY_LOSSES:
        outside = float(((scores < 0) | (scores > 1)).mean()) if scores.size else float("nan")
    logits = scores if loss in LOGIT_LOSSES else _log_odds((scores - low) / (1 - low))
    quantities = windows.binary(logits, labels, weights)
    return Window(quantities, outside, False, out_of_range, (logits > 0) == (labels == 1))


def _log_odds(p: Array) -> Array:
    p = np.clip(p, _LEAST_PROBABILITY, 1 - _LEAST_PROBABILITY)
    odds: Array = np.log(p) - np.log1p(-p)
    return odds


def looks_like_probabilities(scores: Array) -> bool:
    """Whether rows (n, K), K > 1, are non-negative and sum to one."""
    if scores.ndim != 2 or scores.shape[1] < 2 or not len(scores):
        return False
    with np.errstate(invalid="ignore"):
        if not (scores[:64] >= 0).all():  # nearly always the end of it
            return False
        return bool((scores >= 0).all() and (np.abs(scores.sum(axis=1) - 1) < 1e-3).all())
