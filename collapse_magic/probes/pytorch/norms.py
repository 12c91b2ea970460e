"""Norms of many tensors at once.

Each tensor costs its call whatever its size, so the small ones, which are most, are put end to end
and added up in stretches; the large ones go through one `_foreach_norm` and one transfer.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

# Larger tensors are not copied for their norm.
_SMALL = 512  # scalars
_FEW = 8  # so few small ones are not worth a stretch of their own

Array = NDArray[np.float64]


def squares(tensors: Sequence[Any], torch: Any) -> Array:
    """Sum of the squares of each tensor; -1 where there is none or where it is sparse."""
    found = np.full(len(tensors), -1.0)
    small, large = split(tensors, torch)
    if small:
        chosen = [tensors[place] for place in small]
        found[small] = stretches(flat(chosen, torch), [tensor.numel() for tensor in chosen])
    if large:
        results = torch._foreach_norm([wide(tensors[place]) for place in large])
        if len({(t.device, t.dtype) for t in results}) > 1:
            results = [t.to("cpu", torch.float32) for t in results]
        found[large] = np.square(torch.stack(results).tolist())
    return found


def split(tensors: Sequence[Any], torch: Any) -> tuple[list[int], list[int]]:
    """Places of the small tensors that go together, and of all others; sparse ones are in none."""
    small: list[int] = []
    large: list[int] = []
    float32, strided = torch.float32, torch.strided
    for place, tensor in enumerate(tensors):
        if tensor is None:
            continue
        if tensor.dtype is float32 and tensor.is_cpu and tensor.layout is strided:
            (small if 0 < tensor.numel() <= _SMALL else large).append(place)
        elif tensor.layout is strided:
            large.append(place)
    if len(small) < _FEW:
        return [], sorted(small + large)
    return small, large


def wide(tensor: Any) -> Any:
    """Half precision is too coarse for a norm, and overflows at 65504."""
    return tensor if tensor.element_size() >= 4 else tensor.float()


def flat(tensors: Sequence[Any], torch: Any) -> NDArray[np.float32]:
    """The values of several host tensors end to end, as a copy."""
    joined: NDArray[np.float32] = torch._C._nn.flatten_dense_tensors(tensors).numpy()
    return joined


def stretches(values: NDArray[np.float32], lengths: Sequence[int]) -> Array:
    """Sum of the squares of each stretch of `values`, whose lengths are given."""
    # In float32 the squares of what is small enough vanish: 1e-23 is a gradient, not a zero.
    starts = np.cumsum([0, *lengths[:-1]])
    sums: Array = np.add.reduceat(np.multiply(values, values, dtype=np.float64), starts)
    return sums


def totals(found: Array, starts: Sequence[int]) -> Array:
    """Norms of groups of neighbours in rows of what `squares` gave; the groups' starts are given.

    nan where a group holds nothing, inf where something in it is not finite.
    """
    there = found != -1.0
    result: Array = np.sqrt(np.add.reduceat(found * there, starts, axis=1))
    result[~np.isfinite(result)] = np.inf
    if not there.all():
        result[~np.logical_or.reduceat(there, starts, axis=1)] = np.nan
    return result
