"""From tensors with values to the rows that a window is made of."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..calls import MOST_SAMPLES, Array
from ..tasks import INDEX_LOSSES, SOFT_LOSSES


def array(tensor: Any) -> Array:
    """The values of a tensor; float32 for kinds of numbers that NumPy does not calculate with."""
    values = np.asarray(tensor)
    return values.astype(np.float32) if values.dtype.kind not in "biuf" else values


def rows(
    loss: str, scores: Array, targets: Array, weights: Array | None
) -> tuple[Array, Array, Array | None]:
    """Scores (n, K), targets (n,) or (n, K) and weights (n,) or (n, K): classes stand last.

    Thinned to at most `MOST_SAMPLES`; what does not pair is handed back as it is.
    """
    outputs = scores.shape[-1] if scores.ndim > 1 else 1
    by_sample = scores.reshape(-1, outputs)
    if loss in INDEX_LOSSES:
        wanted = targets.reshape(-1)
    else:
        wanted = targets.reshape(-1, outputs) if targets.size == scores.size else targets
    if len(wanted) != len(by_sample):
        return scores, targets, None
    weighed = None if weights is None else _spread(weights, len(by_sample), outputs)
    if weighed is not None and weighed.size == len(by_sample) and _by_element(loss, outputs):
        weighed = np.repeat(weighed.reshape(-1, 1), outputs, axis=1)
    stride = -(-len(by_sample) // MOST_SAMPLES)
    if stride > 1:
        weighed = None if weighed is None else weighed[::stride]
        return by_sample[::stride], wanted[::stride], weighed
    return by_sample, wanted, weighed


def _by_element(loss: str, outputs: int) -> bool:
    return outputs > 1 and loss not in INDEX_LOSSES and loss not in SOFT_LOSSES


def _spread(weights: Array, samples: int, outputs: int) -> Array | None:
    """One weight per row, where they are one per sample of the batch, per row or per element."""
    values = weights.astype(np.float32).reshape(-1)
    if values.size == samples * outputs and outputs > 1:
        return values.reshape(samples, outputs)
    if values.size == 0 or samples % values.size:
        return None
    return np.repeat(values, samples // values.size)
