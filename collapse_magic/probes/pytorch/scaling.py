"""Mixed precision: what a GradScaler does to losses and gradients is neither a scale nor a fault.

It multiplies the loss by a power of two, tries ever larger ones, and leaves out the steps in which
a gradient came out infinite; the user thinks of the loss, and prints it, without the factor.
Optimizers that unscale by themselves are called with scaled gradients and told so by two
attributes.
"""

from __future__ import annotations

import math
import weakref
from types import FrameType
from typing import Any

from .names import Names
from .saved import saved

_MOST_SEARCHES = 8


class Scaling:
    """Tells a gradient scaler's factor from any other that a loss may be multiplied with."""

    def __init__(self, names: Names, torch: Any) -> None:
        self._names = names
        self._kind = torch.amp.GradScaler
        self._scaler: weakref.ref[Any] | None = None
        self._searches = 0

    def factor(self, root: Any, frame: FrameType) -> Any | None:
        """The scale tensor that the loss tensor `root` was multiplied with last, if there is one.

        `GradScaler.scale` saves its own tensor in the graph, so it is known by identity.
        """
        node = root.grad_fn
        if type(node).__name__ != "MulBackward0":
            return None
        try:
            saved = node._saved_other
        except RuntimeError:  # written to since, as a scaler's own is by `update`
            return None
        if saved is None or saved.dim() or saved.requires_grad:
            return None
        scaler = None if self._scaler is None else self._scaler()
        if scaler is not None and scaler._scale is saved:
            return saved
        if self._searches >= _MOST_SEARCHES:
            return None
        self._searches += 1
        for scaler in self._names.values_of(self._kind, frame):
            if scaler._scale is saved:
                self._scaler = weakref.ref(scaler)
                return saved
        return None


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
