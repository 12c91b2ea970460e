"""What the predictions of some consecutive batches come to, in plain NumPy.

Shapes: n samples, K classes. Scores are logits or anything that a softmax turns into the predicted
probabilities (log-probabilities are); a binary task has one logit per sample.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.floating[Any]]
Ints = NDArray[np.integer[Any]]

# Sorting is what a window costs; a few hundred samples of each side place an AUC within some 0.02,
# and windows are merged before any rule speaks.
_RANK_SAMPLES = 512
_RANK_CLASSES = 16


@dataclass(frozen=True, slots=True)
class Quantities:
    """The statistics of one window; see `collapse_magic.records.PredictionWindow`."""

    samples: int
    labels: tuple[int, ...]
    predicted: tuple[int, ...]
    correct: tuple[int, ...]
    cross_entropy_nats: float
    mean_probability: tuple[float, ...]
    pull: tuple[float, ...]
    spread: float
    rank: float


def multiclass(
    scores: Floats, labels: Ints, weights: Floats | None = None, predicted: Ints | None = None
) -> Quantities:
    """Scores (n, K) against labels (n,) in 0..K-1; `weights` (n,) are the loss's own per sample."""
    n, k = scores.shape
    with np.errstate(all="ignore"):
        log_p = log_softmax(scores)
        p = np.exp(log_p)
        rows = np.arange(n)
        if predicted is None:
            predicted = scores.argmax(axis=1)
        own = log_p[rows, labels]
        # |p - onehot| summed over the classes: 2 (1 - p of the true class)
        force = 2 * (1 - np.exp(own))
        counts = np.bincount(predicted, minlength=k)
        return Quantities(
            samples=n,
            labels=_counts(labels, k),
            predicted=tuple(counts.tolist()),
            correct=_counts(labels[predicted == labels], k),
            cross_entropy_nats=float(-own.mean()) if n else float("nan"),
            mean_probability=tuple(p.mean(axis=0).tolist()) if n else (float("nan"),) * k,
            pull=_shares(force if weights is None else force * weights, labels, k),
            spread=_margin_spread(scores, int(counts.argmax())),
            rank=macro_auc(log_p, labels),
        )


def binary(logits: Floats, labels: Ints, weights: Floats | None = None) -> Quantities:
    """Logits (n,) against labels (n,) in {0, 1}; a positive logit predicts class 1."""
    n = len(logits)
    with np.errstate(all="ignore"):
        # log(1 + e^-|z|) + max(z, 0) - z t: the stable form of the cross entropy
        soft = np.log1p(np.exp(-np.abs(logits)))
        losses = np.maximum(logits, 0) - logits * labels + soft
        p = 1 / (1 + np.exp(-logits))
        predicted = (logits > 0).astype(np.int64)
        force = np.abs(p - labels)
        mean = float(p.mean()) if n else float("nan")
        return Quantities(
            samples=n,
            labels=_counts(labels, 2),
            predicted=_counts(predicted, 2),
            correct=_counts(labels[predicted == labels], 2),
            cross_entropy_nats=float(losses.mean()) if n else float("nan"),
            mean_probability=(1 - mean, mean),
            pull=_shares(force if weights is None else force * weights, labels, 2),
            spread=float(logits.std()) if n else float("nan"),
            rank=auc(logits, labels == 1),
        )


def multilabel(logits: Floats, labels: Ints, weights: Floats | None = None) -> Quantities:
    """Logits (n, K) against labels (n, K) of 0 and 1: K questions about each sample.

    `weights` are the loss's own, (n, K).

    The counts are of positives: labelled, predicted, and both.
    """
    n, k = logits.shape
    with np.errstate(all="ignore"):
        losses = np.maximum(logits, 0) - logits * labels + np.log1p(np.exp(-np.abs(logits)))
        p = 1 / (1 + np.exp(-logits))
        predicted = logits > 0
        force = np.abs(p - labels)
        pull = (force if weights is None else force * weights).sum(axis=0)
        total = pull.sum()
        ranks = [auc(logits[:, c], labels[:, c] == 1) for c in range(min(k, _RANK_CLASSES))]
        known = [rank for rank in ranks if rank == rank]
        return Quantities(
            samples=n,
            labels=tuple(labels.sum(axis=0).tolist()),
            predicted=tuple(predicted.sum(axis=0).tolist()),
            correct=tuple((predicted & (labels == 1)).sum(axis=0).tolist()),
            cross_entropy_nats=float(losses.mean()) if n else float("nan"),
            mean_probability=tuple(p.mean(axis=0).tolist()) if n else (float("nan"),) * k,
            pull=tuple((pull / total).tolist()) if total > 0 else (1 / k,) * k,
            spread=float(logits.std(axis=0).mean()) if n else float("nan"),
            rank=float(np.mean(known)) if known else float("nan"),
        )


def log_softmax(scores: Floats) -> Floats:
    shifted = scores - scores.max(axis=1, keepdims=True)
    normed: Floats = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    return normed


def auc(scores: Floats, positive: NDArray[np.bool_]) -> float:
    """Share of pairs (positive, negative) in the right order, ties counting half; nan without.

    Of large samples a part of the positives and a part of the negatives is taken, evenly spaced:
    the share of pairs does not depend on how many there are of each.
    """
    above, below = _thinned(scores[positive]), _thinned(scores[~positive])
    if not len(above) or not len(below):
        return float("nan")
    below = np.sort(below)
    wins = np.searchsorted(below, above, side="left")
    ties = np.searchsorted(below, above, side="right") - wins
    return float((wins.sum() + 0.5 * ties.sum()) / (len(above) * len(below)))


def macro_auc(scores: Floats, labels: Ints) -> float:
    """Mean over the classes of the one-against-the-rest AUC; of many classes the most frequent."""
    counts = np.bincount(labels, minlength=scores.shape[1])
    present = np.flatnonzero((counts > 0) & (counts < len(labels)))
    if len(present) == 0:
        return float("nan")
    if len(present) > _RANK_CLASSES:
        present = present[np.argsort(-counts[present], kind="stable")[:_RANK_CLASSES]]
    return float(np.mean([auc(scores[:, c], labels == c) for c in present]))


def _thinned(values: Floats) -> Floats:
    if len(values) <= _RANK_SAMPLES:
        return values
    # Not a constant stride: that could fall in step with the order of the data.
    picks = np.arange(_RANK_SAMPLES) + 0.5 + 0.5 * np.sin(np.arange(_RANK_SAMPLES) * 12.9898)
    thinned: Floats = values[(picks * (len(values) / (_RANK_SAMPLES + 0.5))).astype(np.intp)]
    return thinned


def _counts(values: Ints, k: int) -> tuple[int, ...]:
    return tuple(np.bincount(values, minlength=k).tolist())


def _shares(force: Floats, labels: Ints, k: int) -> tuple[float, ...]:
    sums = np.bincount(labels, weights=force, minlength=k)
    total = sums.sum()
    if not total > 0:
        return (1 / k,) * k
    return tuple((sums / total).tolist())


def _margin_spread(scores: Floats, top: int) -> float:
    """Standard deviation of (score of the most predicted class - best other score)."""
    if len(scores) == 0:
        return float("nan")
    if scores.shape[1] < 2:
        return float(scores.std())
    others = np.delete(scores, top, axis=1).max(axis=1)
    return float((scores[:, top] - others).std())
