"""Some values of some variables, by which it is seen whether anything moves them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

_MOST_VARIABLES = 16  # the smallest: they are fetched whole
_MOST_VALUES = 2**16


class KeptValues:
    """The values that variables had."""

    def __init__(self, variables: Iterable[Any]) -> None:
        sizes = [(int(v.shape.num_elements() or 0), v) for v in variables]
        sizes.sort(key=lambda pair: pair[0])
        small = [v for size, v in sizes if 0 < size <= _MOST_VALUES][:_MOST_VARIABLES]
        self._kept = [(v, np.array(v.numpy())) for v in small]

    def moved(self) -> bool:
        """Whether any has changed since; True where none could be kept."""
        return not self._kept or any(
            not np.array_equal(v.numpy(), before) for v, before in self._kept
        )
