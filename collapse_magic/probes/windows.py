"""What the predictions of some consecutive batches come to, in plain NumPy.

Shapes: n samples, K classes. Scores are logits or anything that a softmax turns into the predicted
probabilities (log-probabilities are); a binary task has one logit per sample.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.floating[Any]]
Ints = NDArray[np.integer[Any]]

# Sorting is what a window costs; a few hundred samples of each side place an AUC within some 0.02,
# and windows are merged before any rule speaks.
_RANK_SAMPLES = 512
# Of each of several classes fewer are enough for the mean over them.
_LEAST_RANK_SAMPLES = 128
_RANK_CLASSES = 16
# All pairs of sixteen classes; of more classes the most frequent pairs of a window.
MOST_CONFUSED = 240
# Up to so many classes counting into a table is faster than sorting the pairs.
_TABLE_CLASSES = 64
_JITTER = 0.5 + 0.5 * np.sin(np.arange(2 * _RANK_SAMPLES) * 12.9898)


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
    # (n,) the logit margins that `spread` is of; None where there is no single one per sample
    margins: Floats | None = field(default=None, compare=False, repr=False)
    confused: tuple[tuple[int, int, int], ...] = ()


def multiclass(
    scores: Floats, labels: Ints, weights: Floats | None = None, predicted: Ints | None = None
) -> Quantities:
    """Scores (n, K) against labels (n,) in 0..K-1; `weights` (n,) are the loss's own per sample."""
    n, k = scores.shape
    if not n:
        nan = float("nan")
        return Quantities(0, (0,) * k, (0,) * k, (0,) * k, nan, (nan,) * k, (1 / k,) * k, nan, nan)
    # With few classes NumPy reduces along the samples, side by side, up to 40 times faster.
    by_class = np.ascontiguousarray(scores.T)
    with np.errstate(all="ignore"):
        log_p = log_softmax(by_class)
        if predicted is None:
            predicted = scores.argmax(axis=1)
        own = log_p[labels, np.arange(n)]
        # |p - onehot| summed over the classes: 2 (1 - p of the true class)
        force = 2 * (1 - np.exp(own))
        counts = np.bincount(predicted, minlength=k)
        margins = _margins(by_class, int(counts.argmax()))
        return Quantities(
            samples=n,
            labels=_counts(labels, k),
            predicted=tuple(counts.tolist()),
            correct=_counts(labels[predicted == labels], k),
            cross_entropy_nats=float(-own.mean()),
            mean_probability=tuple(np.exp(log_p).mean(axis=1).tolist()),
            pull=_shares(force if weights is None else force * weights, labels, k),
            spread=float(margins.std()),
            rank=macro_auc(log_p, labels),
            margins=margins,
            confused=confused(labels, predicted, k),
        )


def confused(labels: Ints, predicted: Ints, k: int) -> tuple[tuple[int, int, int], ...]:
    """(true class, predicted class, samples) of what is predicted wrongly, the most frequent first.

    Two classes have nothing to add: labels, predictions and the right ones tell all four counts.
    """
    if k < 3:
        return ()
    wrong = predicted != labels
    pairs = labels[wrong].astype(np.int64) * k + predicted[wrong]
    if k <= _TABLE_CLASSES:
        table = np.bincount(pairs, minlength=k * k)
        found = np.flatnonzero(table)
        counts = table[found]
    else:
        found, counts = np.unique(pairs, return_counts=True)
    order = np.argsort(-counts, kind="stable")[:MOST_CONFUSED]
    true, taken_for = np.divmod(found[order], k)
    return tuple(zip(true.tolist(), taken_for.tolist(), counts[order].tolist(), strict=True))


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
            margins=logits,
        )


def multilabel(logits: Floats, labels: Ints, weights: Floats | None = None) -> Quantities:
    """Logits (n, K) against labels (n, K) of 0 and 1: K questions about each sample.

    `weights` are the loss's own, (n, K); what has none is no question.

    The counts are of positives: labelled, predicted, and both.
    """
    n, k = logits.shape
    with np.errstate(all="ignore"):
        losses = np.maximum(logits, 0) - logits * labels + np.log1p(np.exp(-np.abs(logits)))
        asked = np.ones((n, k), bool) if weights is None else weights != 0
        p = 1 / (1 + np.exp(-logits))
        predicted = (logits > 0) & asked
        force = np.abs(p - labels)
        pull = (force if weights is None else force * weights).sum(axis=0)
        total = pull.sum()
        columns = [(logits[asked[:, c], c], labels[asked[:, c], c]) for c in range(k)]
        ranks = [auc(column, label == 1) for column, label in columns[:_RANK_CLASSES]]
        known = [rank for rank in ranks if rank == rank]
        return Quantities(
            samples=n,
            labels=tuple(labels.sum(axis=0).tolist()),
            predicted=tuple(predicted.sum(axis=0).tolist()),
            correct=tuple((predicted & (labels == 1)).sum(axis=0).tolist()),
            cross_entropy_nats=float(losses[asked].mean()) if asked.any() else float("nan"),
            mean_probability=tuple(p.mean(axis=0).tolist()) if n else (float("nan"),) * k,
            pull=tuple((pull / total).tolist()) if total > 0 else (1 / k,) * k,
            spread=float(logits.std(axis=0).mean()) if n else float("nan"),
            rank=float(np.mean(known)) if known else float("nan"),
        )


def log_softmax(by_class: Floats) -> Floats:
    """(K, n) -> (K, n), over the classes."""
    shifted = by_class - by_class.max(axis=0)
    normed: Floats = shifted - np.log(np.exp(shifted).sum(axis=0))
    return normed


def auc(scores: Floats, positive: NDArray[np.bool_]) -> float:
    """Share of pairs (positive, negative) in the right order, ties counting half; nan without.

    Of large samples a part of the positives and a part of the negatives is taken, evenly spaced:
    the share of pairs does not depend on how many there are of each.
    """
    return _auc(_thinned(scores[positive]), _thinned(scores[~positive]))


def _auc(above: Floats, below: Floats) -> float:
    if not len(above) or not len(below):
        return float("nan")
    above, below = np.sort(above), np.sort(below)  # both: then each search begins near the last
    wins = np.searchsorted(below, above, side="left").sum()
    wins_and_ties = np.searchsorted(below, above, side="right").sum()
    return float((wins + wins_and_ties) / (2 * len(above) * len(below)))


def macro_auc(by_class: Floats, labels: Ints) -> float:
    """Mean over the classes of the one-against-the-rest AUC, scores (K, n); of many classes the
    most frequent."""
    counts = np.bincount(labels, minlength=len(by_class))
    present = np.flatnonzero((counts > 0) & (counts < len(labels)))
    if len(present) == 0:
        return float("nan")
    if len(present) > _RANK_CLASSES:
        present = present[np.argsort(-counts[present], kind="stable")[:_RANK_CLASSES]]
    small = labels.astype(np.int16) if len(by_class) < 2**15 else labels  # sorted by radix
    order = np.argsort(small, kind="stable")  # the samples of a class stand together
    ends = np.cumsum(counts)
    most = max(_RANK_SAMPLES // len(present), _LEAST_RANK_SAMPLES)
    rest = np.arange(len(labels)) if len(labels) <= 2 * most else _picks(len(labels), 2 * most)
    ranks = []
    for c in present:
        above = _thinned(order[ends[c] - counts[c] : ends[c]], most)
        below = _thinned(rest[labels[rest] != c], most)
        ranks.append(_auc(by_class[c][above], by_class[c][below]))
    known = [rank for rank in ranks if rank == rank]
    return float(np.mean(known)) if known else float("nan")


def _thinned(values: Any, most: int = _RANK_SAMPLES) -> Any:
    return values if len(values) <= most else values[_picks(len(values), most)]


def _picks(n: int, wanted: int) -> Ints:
    """Places among n, evenly spaced but for a little: a constant stride could fall in step with
    the order of the data."""
    places = np.arange(wanted) + _JITTER[:wanted]
    found: Ints = (places * (n / (wanted + 0.5))).astype(np.intp)
    return found


def _counts(values: Ints, k: int) -> tuple[int, ...]:
    return tuple(np.bincount(values, minlength=k).tolist())


def _shares(force: Floats, labels: Ints, k: int) -> tuple[float, ...]:
    sums = np.bincount(labels, weights=force, minlength=k)
    total = sums.sum()
    if not total > 0:
        return (1 / k,) * k
    return tuple((sums / total).tolist())


def _margins(by_class: Floats, top: int) -> Floats:
    """(n,) score of the most predicted class - best other score."""
    others = np.delete(by_class, top, axis=0)
    margins: Floats = by_class[top] - (others.max(axis=0) if len(others) else 0)
    return margins
