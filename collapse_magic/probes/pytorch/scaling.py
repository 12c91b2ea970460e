"""Mixed precision: what a GradScaler does to losses and gradients is neither a scale nor a fault.

It multiplies the loss by a power of two, tries ever larger ones, and leaves out the steps in which
a gradient came out infinite. Optimizers that unscale by themselves are called with scaled gradients
and told so by two attributes.
"""

from __future__ import annotations

import math
from typing import Any

from .saved import saved


def gradient_scale(optimizer: Any) -> float:
    """What the gradients that this optimizer is about to use were multiplied with."""
    scale = getattr(optimizer, "grad_scale", None)
    return float(scale) if scale is not None and scale.is_cpu else 1.0


def overflowed(optimizer: Any) -> bool:
    """Whether the step that begins will change nothing, for a scaled gradient is infinite."""
    found = getattr(optimizer, "found_inf", None)
    return found is not None and found.is_cpu and bool(found)


def is_scaled(root: Any) -> bool:
    """Whether a loss is a product with a power of two above 1, as a GradScaler makes it."""
    if type(root).__name__ != "MulBackward0":
        return False
    factor = saved(root, "other")
    if factor is None or factor.numel() != 1 or not factor.is_cpu:
        return False
    fraction, exponent = math.frexp(float(factor))
    return fraction == 0.5 and exponent > 1
