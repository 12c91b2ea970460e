"""Units that are never anything but zero: gathered over many looks, each at a few values."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

# Fewer values of a unit say little: one that fires once in a hundred would seem dead at times.
VALUES_NEEDED = 512
ZERO_BELOW = frozenset({"relu", "relu6"})  # kinds whose output is 0 where the input is below 0

Array = NDArray[Any]


@dataclass(slots=True)
class UnitsWindow:
    """The largest output of each unit over at least `VALUES_NEEDED` values, once there are.

    Two stretches, of which the older one goes as the newer one fills up.

    Attributes
        dead: share of the units that were never above 0; nan as long as too little was seen.
    """

    newest: Array | None = None
    older: Array | None = None
    seen: int = 0
    seen_before: int = 0
    dead: float = math.nan

    def add(self, highest: Array, values: int) -> None:
        """The highest outputs (units,) of so many values each."""
        if self.newest is not None and self.newest.shape != highest.shape:
            self.newest = self.older = None
            self.seen = self.seen_before = 0
            self.dead = math.nan
        if self.newest is not None and self.seen >= VALUES_NEEDED:
            self.older, self.seen_before = self.newest, self.seen
            self.newest, self.seen = None, 0
        self.newest = highest if self.newest is None else np.maximum(self.newest, highest)
        self.seen += values
        if self.values >= VALUES_NEEDED:
            both = self.newest if self.older is None else np.maximum(self.newest, self.older)
            self.dead = int(np.count_nonzero(both <= 0)) / both.size

    @property
    def values(self) -> int:
        return self.seen + self.seen_before
