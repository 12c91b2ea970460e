"""Losses under a gradient scaler: backward is called on them multiplied, to keep float16 gradients
from vanishing; the user thinks of them, and prints them, without the factor."""

from __future__ import annotations

import weakref
from types import FrameType
from typing import Any

from .names import Names

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
