"""The weights that layers begin with, from a sample of each."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..initial_weights import UNKNOWN, InitialWeights, flat

# Of every kernel so many units and so many weights of each are looked at: enough for the deviation
# to be right within a few percent.
_MOST_UNITS = 32
_MOST_INPUTS = 32

Array = NDArray[Any]


def initial_weights(variable: Any) -> InitialWeights:
    """What a kernel holds now; unknown where it cannot be read (while a graph is being traced)."""
    try:
        values = _on_host(_sample(getattr(variable, "_value", variable))).astype(np.float64)
    except Exception:  # not made yet, spread over devices, a tracer ...
        return UNKNOWN
    return summarized(values)


def summarized(values: Array) -> InitialWeights:
    """The kind of start that a kernel (..., units) shows."""
    if values.size < 2:
        return UNKNOWN
    least, most, mean = float(values.min()), float(values.max()), float(values.mean())
    alike = flat(least, most, mean)
    if alike is not None:
        return alike
    units = values.reshape(-1, values.shape[-1])
    identical = min(units.shape) > 1 and bool((units == units[:, :1]).all())
    return InitialWeights(mean, float(values.std(ddof=1)), "random", identical)


def _on_host(value: Any) -> Array:
    """The values of any backend's tensor or variable, without NumPy's word on copies."""
    if hasattr(value, "detach"):
        value = value.detach().cpu()
    values: Array = value.numpy() if hasattr(value, "numpy") else np.asarray(value)
    return values


def _sample(value: Any) -> Any:
    """Evenly spaced units (the last dimension) and inputs (the one before it)."""
    shape = tuple(value.shape)
    if len(shape) < 2:
        most = _MOST_UNITS * _MOST_INPUTS
        return value if math.prod(shape) <= most else value[:: -(-shape[0] // most)]
    cut = (_MOST_INPUTS, _MOST_UNITS)
    steps = [max(-(-size // most), 1) for size, most in zip(shape[-2:], cut, strict=True)]
    return value if steps == [1, 1] else value[..., :: steps[0], :: steps[1]]
