"""The rows of a window, made of the batches that were kept."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from . import samples
from .calls import MOST_SAMPLES, LossCall
from .tasks import INDEX_LOSSES, Judgement

Array = NDArray[Any]


def shown(call: LossCall, targets: Array) -> Array:
    """Targets as the user gave them, repetitions and ignored ones left out."""
    if call.loss in INDEX_LOSSES:
        named: Array = targets[targets != call.ignore_index]
        return named
    if call.rows_shape is not None:
        return targets
    if call.handwritten and targets.ndim:  # what a mask has left out is nan
        missing = np.isnan(_flat_rows(targets)).any(axis=1)
        if missing.any():
            return targets[~missing]
    whole = targets.size == math.prod(call.target_shape)
    return targets.reshape(call.target_shape) if whole else targets


def _flat_rows(values: Array) -> Array:
    """(n, ...) -> (n, values of one), also where n is 0."""
    return values.reshape(len(values), math.prod(values.shape[1:]))


class Rows(NamedTuple):
    """Samples: scores (n, K) or (n,), targets alike or (n,), weights (n,), (n, K) or None."""

    scores: Array
    targets: Array
    weights: Array | None

    def where(self, kept: Array) -> Rows:
        weights = None if self.weights is None else self.weights[kept]
        return Rows(self.scores[kept], self.targets[kept], weights)


def _prepared(
    call: LossCall,
    judged: Judgement,
    scores: Array,
    targets: Array,
    weights: Array | None,
    most: int = MOST_SAMPLES,
) -> Rows | None:
    """Batches as rows, ignored samples left out; None where scores and targets do not pair."""
    k, several = judged.classes, judged.task == "multilabel"
    if several and scores.ndim > 2:
        weights = None  # in another order than the rows
    if call.loss in INDEX_LOSSES:
        scores, targets = samples.scores_by_row(scores, k), targets.reshape(-1)
    elif judged.task in ("multiclass", "multilabel"):
        scores, targets = samples.scores_by_row(scores, k), samples.scores_by_row(targets, k)
    else:
        scores, targets = scores.reshape(-1), targets.reshape(-1)
    if len(scores) != len(targets):
        return None
    if weights is not None:
        shape = targets.shape if several else targets.shape[:1]
        weights = weights.reshape(shape) if weights.size == math.prod(shape) else None
    if several and weights is not None:
        targets = np.where(weights == 0, 0, targets)  # left out, and may be anything
    found = Rows(scores, targets, weights)
    kept = _kept(call, found)
    if kept is not None and not kept.all():
        found = found.where(kept)
    stride = -(-len(found.targets) // most)
    return found if stride <= 1 else found.where(np.arange(0, len(found.targets), stride))


def _kept(call: LossCall, found: Rows) -> Array | None:
    """Which samples take part in the loss; None where all do."""
    kept: Array | None = None
    if call.loss in INDEX_LOSSES:
        if call.ignore_index is not None:
            kept = np.asarray(found.targets != call.ignore_index)
    elif call.handwritten:  # nothing divided by nothing: left out of the loss
        missing = np.isnan(_flat_rows(found.targets)).any(axis=1)
        kept = np.asarray(~missing)
    if found.weights is not None:
        used = np.asarray(_flat_rows(found.weights).any(axis=1))
        kept = used if kept is None else np.asarray(kept & used)
    return kept


def gather(
    call: LossCall,
    judged: Judgement,
    scores: list[Array],
    targets: list[Array],
    weights: list[Array],
) -> tuple[Array, Array, Array | None, list[int]] | None:
    """All batches as rows (scores, targets, weights), and how many of these each batch has."""
    if len(weights) != len(targets):
        weights = []
    alike = all(s.ndim <= 2 and s.shape[1:] == scores[0].shape[1:] for s in scores)
    alike = alike and all(t.ndim <= 2 and t.shape[1:] == targets[0].shape[1:] for t in targets)
    sizes = [len(t) if t.ndim else 0 for t in targets]
    if alike and min(sizes) > 0 and max(t.size for t in targets) <= MOST_SAMPLES:
        given, wanted = np.concatenate(scores), np.concatenate(targets)
        weighed = np.concatenate([w.reshape(-1) for w in weights]) if weights else None
        found = _prepared(call, judged, given, wanted, weighed, MOST_SAMPLES * len(scores))
        if found is None:
            return None
        if len(found.targets) == sum(sizes):
            return (*found, sizes)
    each = [
        _prepared(call, judged, s, t, weights[i] if weights else None)
        for i, (s, t) in enumerate(zip(scores, targets, strict=True))
    ]
    kept = [rows for rows in each if rows is not None and len(rows.targets)]
    if not kept:
        return None
    sizes = [len(rows.targets) for rows in kept]
    wanted = np.concatenate([rows.targets for rows in kept])
    some = [rows.weights for rows in kept if rows.weights is not None]
    weighed = np.concatenate(some) if len(some) == len(kept) else None
    return np.concatenate([rows.scores for rows in kept]), wanted, weighed, sizes
