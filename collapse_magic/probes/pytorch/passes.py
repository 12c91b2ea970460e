"""Which evaluated batches make one window: those of one pass over the validation data, or of some.

A run of a second flushes two or three times; were all passes since the last flush one window, a
course of fifty evaluations would come down to three points, how many of them chance.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby

# So many windows hold one pass each, as many the next two passes each, then four ...
_ALIKE = 4
_MOST_DOUBLINGS = 4


class Passes:
    """The passes of one site, told apart by the step they belong to."""

    def __init__(self) -> None:
        self._windows = 0

    def cut(self, steps: tuple[int, ...]) -> Iterator[slice]:
        """The parts of these batches, given the step of each, that make a window each."""
        ends = [0]
        for _, batches in groupby(steps):
            ends.append(ends[-1] + sum(1 for _ in batches))
        first = 0
        while first < len(ends) - 1:
            passes = 1 << min(self._windows // _ALIKE, _MOST_DOUBLINGS)
            last = min(first + passes, len(ends) - 1)
            yield slice(ends[first], ends[last])
            self._windows += 1
            first = last
