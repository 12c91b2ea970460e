"""What the batches of a window hold one after the other, in plain NumPy."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray


class BatchOrder(NamedTuple):
    """Counts of one window; see `collapse_magic.records.PredictionWindow`."""

    single_class_batches: int = 0
    newcomers: int = 0
    newcomers_found: int = 0


def batch_order(
    sizes: list[int], labels: NDArray[Any], right: NDArray[np.bool_] | None
) -> BatchOrder:
    """Of consecutive batches of ``sizes`` rows each, none of them empty.

    ``labels`` (n,) and ``right`` (n,), whether the prediction is the label; without it newcomers
    are not counted.
    """
    starts = np.concatenate([[0], np.cumsum(sizes)[:-1]])
    low = np.minimum.reduceat(labels, starts)
    single = low == np.maximum.reduceat(labels, starts)
    found = int(single.sum())
    if right is None or not single[:-1].any():
        return BatchOrder(found)
    follows = np.repeat(np.concatenate([[False], single[:-1]]), sizes)
    before = np.repeat(np.concatenate([low[:1], low[:-1]]), sizes)
    new = follows & (labels != before)
    return BatchOrder(found, int(new.sum()), int((new & right).sum()))


def spread_in_batch(sizes: list[int], margins: NDArray[np.floating[Any]]) -> float:
    """Standard deviation of ``margins`` (n,) around the mean of their own batch.

    Of consecutive batches of ``sizes`` rows each, none of them empty; nan where none has two rows.
    """
    several = np.array(sizes) > 1
    if not several.any():
        return math.nan
    starts = np.concatenate([[0], np.cumsum(sizes)[:-1]])
    with np.errstate(all="ignore"):
        exact = margins.astype(np.float64)  # sums of large logits would hide how alike they are
        means = np.add.reduceat(exact, starts) / sizes
        squares = (exact - np.repeat(means, sizes)) ** 2
        return math.sqrt(squares[np.repeat(several, sizes)].mean())
