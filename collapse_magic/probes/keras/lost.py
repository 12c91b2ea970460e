"""Weights that are not finite while the loss is a number, and what has made them so.

That is no contradiction: in a graph TensorFlow makes one operation of a dense layer and its relu,
and on most processors (oneDNN) that one gives 0 for NaN. A missing value in the data then makes NaN
of the first layer's weights, for good, and of nothing else.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from ...records import NonFinite
from .nonfinite import holes_in

# Batches that are looked through for what has made the weights so, after that was seen: of a
# stream of data there is nothing else to look through.
_MOST_BATCHES = 200


class Lost(NamedTuple):
    """Weights that are not finite, as a look at the layers has found them."""

    model: str
    step: int
    layer: str
    word: str  # "nan" or "inf"


class LostWeights:
    """The first weights of a run that are not finite.

    Attributes
        sought: whether it is still to be told what has made them so.
    """

    def __init__(self, emit: Callable[[NonFinite], None]) -> None:
        self._emit = emit
        self._lost: Lost | None = None
        self._told = False
        self._batches = _MOST_BATCHES
        self.sought = False

    def found(self, lost: Lost) -> None:
        if self._lost is None:
            self._lost, self.sought = lost, True

    def are_of(self, models: list[str]) -> bool:
        return self._lost is not None and self._lost.model in models

    def tell(self) -> None:
        """Tell of the weights, with nothing to look through."""
        if self._lost is not None and self.sought and not self._told:
            self._told = True
            model, step, layer, word = self._lost
            self._emit(NonFinite(model, step, "weight", layer, word, lost=layer))

    def seek(self, data: Any, batch: Any) -> None:
        """Tell of what the user has given the model, or of this batch of it, if that is why.

        `data`: arrays, looked through once; None where there are none.
        """
        first, self._batches = self._batches == _MOST_BATCHES, self._batches - 1
        holes = (holes_in(data) if first else None) or holes_in(batch)
        if holes is not None and self._lost is not None:
            model, step, layer, _ = self._lost
            self._emit(holes.record(model, step, layer))
        else:
            self.tell()
        if holes is not None or self._batches == 0:
            self.close()

    def close(self) -> None:
        """Nothing is told any more."""
        self.sought = False
