"""A NaN that comes to light late: on a device a loss is known only some steps after it was made.

By then its graph is gone. What is left are the loss's own inputs, which were copied with it, and
they tell a bad target and a loss that failed on good inputs from outputs that were bad already. For
these the data are asked at the next backward, once in a run and without waiting: is there a NaN in
what the layers are given? The weights are not asked; after a NaN all of them are.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ...records import Place
from ..calls import Array, LossCall

_MOST_VALUES = 2**20  # of one batch's scores: a NaN of a sample is in all its probabilities


@dataclass(slots=True)
class Suspicion:
    """A loss that was not finite, and the place that is told unless the data are to blame."""

    step: int
    place: Place
    value: str
    asked: bool = False  # the data of a later step are on their way


def word_of(values: Array) -> str | None:
    """The word nan, inf or -inf where there is one, NaN first; None where all is finite."""
    if not np.issubdtype(values.dtype, np.floating) or bool(np.isfinite(values).all()):
        return None
    if bool(np.isnan(values).any()):
        return "nan"
    return "inf" if bool((values == math.inf).any()) else "-inf"


def suspect(
    step: int, loss: float, call: LossCall | None, batch: tuple[Array, Array] | None
) -> Suspicion | None:
    """What a loss that is not finite comes from; None where it was only masked out.

    Parameters: the step; the loss, and what is known of the call; its scores and targets or their
    `extremes`, if these were kept.
    """
    word = word_of(np.asarray(loss, dtype=np.float64))
    if word is None:
        return None
    if batch is None or call is None:
        return Suspicion(step, "loss", word)
    scores, targets = batch
    bad = None if call.handwritten else word_of(targets)  # there it is what a mask leaves out
    if bad is not None:
        return Suspicion(step, "target", bad, asked=True)
    if call.ignore_index is not None and bool((targets == call.ignore_index).all()):
        return None  # a mean over no sample: its gradient is zero
    bad = word_of(scores)
    if bad is not None:
        return Suspicion(step, "logits", bad)
    return Suspicion(step, "loss", word, asked=True)


def extremes(values: Any, torch: Any) -> Any:
    """(smallest, largest) of some values, on the device; a NaN is both."""
    values = values.detach().reshape(-1)
    values = values[:: -(-values.numel() // _MOST_VALUES)]
    return torch.stack(torch.aminmax(values))


def flags(tensors: Sequence[Any], torch: Any) -> Any | None:
    """Per tensor whether it holds (nan, inf, -inf), on the device; None where there are none.

    Returns (tensors, 3), bool.
    """
    rows = [
        torch.stack([(t != t).any(), (t == math.inf).any(), (t == -math.inf).any()])
        for t in tensors
    ]
    return torch.stack(rows) if rows else None


def word_in(found: Array) -> str | None:
    """The word for `flags` that have come to the host, NaN first; None where all is finite."""
    for kind, word in enumerate(("nan", "inf", "-inf")):
        if bool(found[:, kind].any()):
            return word
    return None
