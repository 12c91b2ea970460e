"""Copies of batches, and the rows of a window made of them."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .. import samples
from ..tasks import INDEX_LOSSES, Judgement
from .reading import MOST_SAMPLES, LossCall

Array = NDArray[Any]


def copied(tensor: Any) -> Any:
    """An array of our own of a small CPU tensor; of a device tensor a clone that stays there."""
    tensor = tensor.detach()
    if not tensor.is_cpu:
        return tensor.clone()
    try:
        return tensor.numpy().copy()
    except TypeError:  # bfloat16 has no NumPy counterpart
        return tensor.float().numpy()


def shown(call: LossCall, targets: Array) -> Array:
    """Targets as the user gave them, repetitions and ignored ones left out."""
    if call.loss in INDEX_LOSSES:
        named: Array = targets[targets != call.ignore_index]
        return named
    whole = targets.size == math.prod(call.target_shape)
    return targets.reshape(call.target_shape) if whole else targets


def _prepared(
    call: LossCall, judged: Judgement, scores: Array, targets: Array, most: int = MOST_SAMPLES
) -> tuple[Array, Array] | None:
    """One batch as rows: scores (n, K) or (n,) and targets alike; None where they do not pair."""
    if call.loss in INDEX_LOSSES:
        scores = samples.scores_by_row(scores, judged.classes)
        targets = targets.reshape(-1)
        if call.ignore_index is not None:
            kept = targets != call.ignore_index
            if not kept.all():
                scores, targets = scores[kept], targets[kept]
    elif judged.task == "multiclass":
        k = judged.classes
        scores, targets = samples.scores_by_row(scores, k), samples.scores_by_row(targets, k)
    else:
        scores, targets = scores.reshape(-1), targets.reshape(-1)
    if len(scores) != len(targets):
        return None
    stride = -(-len(targets) // most)
    return (scores, targets) if stride <= 1 else (scores[::stride], targets[::stride])


def gather(
    call: LossCall, judged: Judgement, scores: list[Array], targets: list[Array]
) -> tuple[Array, Array, int] | None:
    """All batches as rows (see `_prepared`), and how many of them held one class only."""
    alike = all(s.ndim <= 2 and s.shape[1:] == scores[0].shape[1:] for s in scores)
    alike = alike and all(t.ndim <= 2 and t.shape[1:] == targets[0].shape[1:] for t in targets)
    sizes = [len(t) if t.ndim else 0 for t in targets]
    if alike and min(sizes) > 0 and max(t.size for t in targets) <= MOST_SAMPLES:
        given, wanted = np.concatenate(scores), np.concatenate(targets)
        if call.ignore_index is None or not (wanted == call.ignore_index).any():
            pairs = _prepared(call, judged, given, wanted, MOST_SAMPLES * len(scores))
            if pairs is None or len(pairs[1]) != sum(sizes):
                return None if pairs is None else (*pairs, 0)
            return (*pairs, _single_class(pairs[1], sizes))
    each = [_prepared(call, judged, s, t) for s, t in zip(scores, targets, strict=True)]
    kept = [pair for pair in each if pair is not None and len(pair[1])]
    if not kept:
        return None
    sizes = [len(t) for _, t in kept]
    wanted = np.concatenate([t for _, t in kept])
    return np.concatenate([s for s, _ in kept]), wanted, _single_class(wanted, sizes)


def _single_class(targets: Array, sizes: list[int]) -> int:
    """How many of the batches, `sizes` rows each, hold one class only."""
    if targets.ndim > 1:
        targets = targets.argmax(axis=1)
    starts = np.concatenate([[0], np.cumsum(sizes)[:-1]])
    low, high = np.minimum.reduceat(targets, starts), np.maximum.reduceat(targets, starts)
    return int((low == high).sum())
