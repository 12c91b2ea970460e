"""Numbers of one summary, in the old form (a number, a histogram) or the new one (a tensor)."""

from __future__ import annotations

import math
import struct
from typing import Any

import numpy as np

from .summaries import Array, norm_of_buckets

_FLOAT = struct.Struct("<f")
DT_FLOAT = 1
# Values of a tensor that are worth decoding; no histogram or curve has more.
LARGEST_TENSOR = 1 << 20


def number_of(value: Any, kind: str | None) -> float:
    """Raises ValueError where it is no single number."""
    if kind == "simple_value":
        return float(value.simple_value)
    tensor = value.tensor
    if tensor.dtype == DT_FLOAT:  # nearly always: without the detour through NumPy
        if len(tensor.tensor_content) == _FLOAT.size:
            return float(_FLOAT.unpack(tensor.tensor_content)[0])
        if len(tensor.float_val) == 1:
            return float(tensor.float_val[0])
    return float(_array(tensor).item())


def histogram_of(value: Any, kind: str | None) -> tuple[float, float]:
    """(count, norm). Raises ValueError."""
    if kind == "histo":
        squares = value.histo.sum_squares
        return value.histo.num, math.sqrt(squares) if squares >= 0 else math.nan
    return norm_of_buckets(_array(value.tensor))


def curve_of(value: Any) -> Array:
    """(6, thresholds). Raises ValueError."""
    return _array(value.tensor)


def _array(tensor: Any) -> Array:
    from tensorboard.util import tensor_util

    size = math.prod(max(dim.size, 0) for dim in tensor.tensor_shape.dim)
    if size > LARGEST_TENSOR:
        raise ValueError("too large")
    return np.asarray(tensor_util.make_ndarray(tensor), np.float64)
