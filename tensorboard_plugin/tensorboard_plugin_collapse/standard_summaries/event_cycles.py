"""Events of the same tags in the same order, over and over: taken as the rows of one table.

Between the cycles only wall times, steps, numbers and checksums differ. So a piece of the file is
cut into rows as long as a cycle, compared with the one that was read, and decoded by columns.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import google_crc32c
import numpy as np
import numpy.typing as npt

from .points import Points

# A record is its length and a checksum of that (12 bytes), its data, and a checksum of them (4).
# The data are a mark, the wall time (8 bytes), a mark, the step, and so on; the number is the last
# of them, or has the same bytes behind it in all events of its tag.
_DATA_AT, _WALL_AT, _STEP_AT = 12, 13, 22
_NUMBER, _CRC = 8, 4  # from the end
# Of a table as large as that little is in memory, and the calls of NumPy cost nothing.
FIRST_ROWS, LARGEST_TABLE = 32, 1 << 20


@dataclass(frozen=True, slots=True)
class Place:
    """Where a record lies in a block, and where its number goes."""

    begin: int
    end: int
    step_bytes: int
    points: Points | None
    behind: int  # bytes between the number and the checksum


Bytes = npt.NDArray[np.uint8]


class Cycle:
    """Records that were read one by one, as the pattern of those that follow."""

    def __init__(self, block: bytes, places: Sequence[Place]) -> None:
        """``places`` lie one behind the other."""
        self._places = places
        origin = places[0].begin
        self._bytes = places[-1].end - origin
        begins = [place.begin - origin for place in places]
        ends = [place.end - origin for place in places]
        self._walls = _columns(begins, _WALL_AT, 8)
        numbers = [end - place.behind for end, place in zip(ends, places, strict=True)]
        self._numbers = _columns(numbers, -_NUMBER, 4)
        self._crcs = _columns(ends, -_CRC, 4)
        self._step_starts = np.cumsum([0, *[place.step_bytes for place in places[:-1]]])
        step_places = [
            begin + _STEP_AT + np.arange(place.step_bytes)
            for begin, place in zip(begins, places, strict=True)
        ]
        self._steps = np.concatenate(step_places)
        self._shifts = 7 * np.concatenate([np.arange(place.step_bytes) for place in places])
        # What is the same in all cycles; of a step's bytes it is which of them is the last.
        self._same = np.full(self._bytes, 255, np.uint8)
        self._same[np.concatenate([self._walls, self._numbers, self._crcs])] = 0
        self._same[self._steps] = 128
        self._pattern = np.frombuffer(block, np.uint8, self._bytes, origin) & self._same
        self._checked = _Checksums(self._pattern, begins, ends, self._same)

    def take(self, block: bytes, at: int) -> int:
        """Adds the whole cycles from ``at`` on to their points; returns where the next one would
        begin. One that differs, or is damaged, ends it."""
        points = [place.points for place in self._places if place.points is not None]
        if len({id(one) for one in points}) < len(points):
            return at  # columns are added one after the other, a tag's values are in two of them
        rows = FIRST_ROWS
        while rows := min(rows, (len(block) - at) // self._bytes):
            table = np.frombuffer(block, np.uint8, rows * self._bytes, at)
            good = self._take(table.reshape(rows, self._bytes))
            at += good * self._bytes
            if good < rows:
                break
            rows = min(8 * rows, max(FIRST_ROWS, LARGEST_TABLE // self._bytes))
        return at

    def _take(self, table: Bytes) -> int:
        """How many rows are cycles, and were added."""
        good = ((table & self._same) == self._pattern).all(axis=1)
        stored = _numbers(table, self._crcs, "<u4")
        good &= (self._checked.of(table) == stored).all(axis=1)
        rows = len(table) if good.all() else int(good.argmin())
        table = table[:rows]
        walls = _numbers(table, self._walls, "<f8")
        numbers = _numbers(table, self._numbers, "<f4")
        parts = (table[:, self._steps] & 127).astype(np.int64) << self._shifts
        steps = np.add.reduceat(parts, self._step_starts, axis=1)
        for column, place in enumerate(self._places):
            if place.points is not None:
                place.points.extend(steps[:, column], walls[:, column], numbers[:, column])
        return rows


class _Checksums:
    """Checksums of all records of a table, from the bytes that differ between its rows.

    CRCs are linear: each byte adds what it would be alone among zeros.
    """

    def __init__(
        self, pattern: Bytes, begins: Sequence[int], ends: Sequence[int], same: Bytes
    ) -> None:
        columns: list[npt.NDArray[np.int64]] = []
        alone: list[npt.NDArray[np.uint32]] = []
        rest: list[int] = []
        for begin, end in zip(begins, ends, strict=True):
            data = slice(begin + _DATA_AT, end - _CRC)
            vary = np.flatnonzero(same[data] != 255)
            fixed = np.where(same[data] == 255, pattern[data], 0).astype(np.uint8)
            rest.append(google_crc32c.value(fixed.tobytes()))
            columns.append(vary + data.start)
            alone += [_alone(len(fixed) - 1 - place) for place in vary.tolist()]
        self._columns = np.concatenate(columns)
        self._starts = np.cumsum([0, *[len(vary) for vary in columns[:-1]]])
        self._alone = np.concatenate(alone)
        self._offsets = 256 * np.arange(len(alone))
        self._rest = np.array(rest, np.uint32)

    def of(self, table: Bytes) -> npt.NDArray[np.uint32]:
        """(rows, records), as the TFRecord format stores them."""
        parts = self._alone[table[:, self._columns] + self._offsets]
        crc = np.bitwise_xor.reduceat(parts, self._starts, axis=1) ^ self._rest
        return (crc >> np.uint32(15) | crc << np.uint32(17)) + np.uint32(0xA282EAD8)


@cache
def _alone(behind: int) -> npt.NDArray[np.uint32]:
    """What each value of a byte adds to a checksum, with so many bytes behind it."""
    zeros = bytes(behind)
    nothing = google_crc32c.value(b"\0" + zeros)
    each = [google_crc32c.value(bytes([value]) + zeros) ^ nothing for value in range(256)]
    return np.array(each, np.uint32)


def _columns(places: Sequence[int], offset: int, count: int) -> npt.NDArray[np.int64]:
    return (np.array(places)[:, None] + offset + np.arange(count)).ravel()


def _numbers(table: Bytes, columns: npt.NDArray[np.int64], kind: str) -> npt.NDArray[Any]:
    """(rows, records) of numbers whose bytes stand in these columns."""
    return np.ascontiguousarray(table[:, columns]).view(kind)
