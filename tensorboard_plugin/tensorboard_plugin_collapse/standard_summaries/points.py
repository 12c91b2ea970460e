"""One series of a log, bounded however long the log is."""

from __future__ import annotations

import math
from array import array
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

# A chart has no more pixels to tell them apart, and medians of a hundred points are steady.
MOST_POINTS = 1024
FEWEST_POINTS = 128
# Tags of a run with the full number of points: 1,000 x 1,024 x 24 bytes are 25 MB.
FULL_TAGS = 1000
_WIDTH = 3  # step, wall time, value

_Steps = npt.NDArray[np.int64]
_Values = npt.NDArray[np.floating[Any]]


@dataclass(frozen=True, slots=True)
class Line:
    """A series as arrays of one length; steps strictly increase."""

    steps: npt.NDArray[np.float64]
    walls: npt.NDArray[np.float64]  # s since the epoch
    values: npt.NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.steps)

    @property
    def finite(self) -> Line:
        """Without NaN and infinities."""
        good = np.isfinite(self.values)
        return self if good.all() else Line(self.steps[good], self.walls[good], self.values[good])


class Points:
    """Takes a series point by point and keeps some of them: every one, every second, every fourth
    ... and the newest. The first value that is not finite is remembered whatever is left out."""

    __slots__ = ("_kept", "_most", "_newest", "_stride", "_unnumbered", "count", "odd", "odd_count")

    def __init__(self, most: int = MOST_POINTS) -> None:
        self._most = most
        self._kept = array("d")
        self._stride = 1
        self._newest: tuple[float, float, float] | None = None
        self._unnumbered = False
        self.count = 0
        self.odd: tuple[int, float] | None = None  # step and value of the first one not finite
        self.odd_count = 0

    def add(self, step: float, wall: float, value: float) -> None:
        newest = self._newest
        if newest is not None and step <= newest[0]:
            step = self._follow(step, newest[0])
        self._newest = (step, wall, value)
        if not math.isfinite(value):
            self.odd_count += 1
            if self.odd is None:
                self.odd = (int(step), value)
        if self.count % self._stride == 0:
            self._kept.extend(self._newest)
            if len(self._kept) > _WIDTH * self._most:
                self._thin()
        self.count += 1

    def extend(self, steps: _Steps, walls: _Values, values: _Values) -> None:
        """As `add` for one after the other, faster."""
        if not len(steps):
            return
        newest = -math.inf if self._newest is None else self._newest[0]
        if steps[0] <= newest or (steps[1:] <= steps[:-1]).any():
            for row in zip(steps.tolist(), walls.tolist(), values.tolist(), strict=True):
                self.add(*row)
            return
        table = np.column_stack([steps, walls, values]).astype(np.float64)
        odd = np.flatnonzero(~np.isfinite(values))
        self.odd_count += len(odd)
        if self.odd is None and len(odd):
            self.odd = (int(steps[odd[0]]), float(values[odd[0]]))
        self._newest = tuple(table[-1].tolist())
        done = 0
        while done < len(table):
            room = self._most + 1 - len(self._kept) // _WIDTH
            first = done + -self.count % self._stride
            kept = table[first :: self._stride][:room]
            self._kept.frombytes(kept.tobytes())
            taken = first + (room - 1) * self._stride + 1 if len(kept) == room else len(table)
            self.count += taken - done
            done = taken
            if len(kept) == room:
                self._thin()

    def line(self) -> Line:
        table = np.frombuffer(self._kept.tobytes(), np.float64).reshape(-1, _WIDTH)
        newest = self._newest
        if newest is not None and (not len(table) or table[-1, 0] < newest[0]):
            table = np.vstack([table, newest])
        return Line(*table.T.copy())

    def _follow(self, step: float, newest: float) -> float:
        """A step that does not go on: nobody numbered them, or the training began anew."""
        if self._unnumbered or (step == newest == 0):
            self._unnumbered = True
            return newest + 1
        table = np.frombuffer(self._kept.tobytes(), np.float64).reshape(-1, _WIDTH)
        self._kept = array("d", table[table[:, 0] < step].tobytes())
        if self.odd is not None and self.odd[0] >= step:
            self.odd, self.odd_count = None, 0
        return step

    def _thin(self) -> None:
        self._stride *= 2
        table = np.frombuffer(self._kept.tobytes(), np.float64).reshape(-1, _WIDTH)
        self._kept = array("d", table[::2].tobytes())
