"""Where a loss that is NaN or Inf comes from, as far as its own batch tells."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ...records import NonFinite
from .arrays import array
from .losses import LossSeen

_MOST_VALUES = 2**24  # of the training data, that are looked through once


def first_place(site: str, step: int, seen: LossSeen, inputs: Any) -> NonFinite | None:
    """The first place along input, target, logits and loss that is not finite.

    `inputs` is what the user handed to `fit`: looked through where that is an array.
    """
    if isinstance(inputs, np.ndarray) and inputs.dtype.kind == "f" and inputs.size <= _MOST_VALUES:
        word = _word(inputs)
        if word is not None:
            return NonFinite(site, step, "input", "x", word)
    if seen.targets is not None and (word := _word(array(seen.targets))) is not None:
        return NonFinite(site, step, "target", "target", word)
    if seen.scores is not None and (word := _word(array(seen.scores))) is not None:
        return NonFinite(site, step, "logits", "", word)
    word = _word(array(seen.value))
    return None if word is None else NonFinite(site, step, "loss", "", word)


def finite(value: Any) -> bool:
    """Whether a loss with values is finite."""
    number = value.numpy() if hasattr(value, "numpy") else value
    if number.ndim == 0:  # as nearly always, and so many times faster
        return math.isfinite(number)
    difference = number - number  # neither NaN nor an infinity gives 0
    return bool((difference == 0).all())


def _word(values: Any) -> str | None:
    if values.dtype.kind != "f" or np.isfinite(values).all():
        return None
    if np.isnan(values).any():
        return "nan"
    return "inf" if (values == np.inf).any() else "-inf"
