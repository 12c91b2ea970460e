"""Events with one number each, told by their bytes: there are millions of them in a large log.

In the form of protocol buffers such an event is its wall time, its step, the tag with all lengths,
and the number. Of one tag all but wall time, step and number is the same from event to event: once
one was read in the ordinary way, the others are known by what is the same.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Any

from .event_cycles import Cycle, Place
from .points import Points

_WALL = struct.Struct("<d")
_VALUE = struct.Struct("<f")
# Field 1, a double; field 2, a varint; field 5, bytes; the number's own mark before it.
WALL_TIME, STEP, SUMMARY, SIMPLE_VALUE = 0x09, 0x10, 0x2A, 0x15
_STEP_AT = 10
MOST_TAGS = 20_000
# Longer cycles are not looked for: a block of the file holds too few of them.
MOST_IN_CYCLE = 2_000
# Events that a cycle has to bring for the search to go on at once, and how long it rests at most.
WORTH_IT = 100
LONGEST_REST = 50_000


@dataclass(frozen=True, slots=True, eq=False)
class _Form:
    """What events of one tag have in common."""

    points: Points | None  # None where such events are of no use


class ScalarEvents:
    """Takes events of known tags straight to their points: one by one by `take`, and by `skim`
    those that come in cycles, as a training writes the same tags step by step."""

    def __init__(self) -> None:
        self.forget()

    def forget(self) -> None:
        """All that was learnt."""
        self._known: dict[bytes, _Form] = {}
        self._taken: tuple[_Form, int] | None = None  # the last record's form, bytes of its step
        self._row: list[tuple[_Form, Place]] = []  # records in a row, all of them taken
        self._begin = 0  # of the last record
        self._rest = self._next_rest = 0

    def take(self, record: bytes) -> bool:
        """Whether it was one that is known, and has been taken."""
        self._taken = None
        try:
            at = _STEP_AT
            step = record[at]
            if step > 127:
                step &= 127
                shift = 0
                while record[at] > 127:
                    at += 1
                    shift += 7
                    step |= (record[at] & 127) << shift
            form = self._known[record[at + 1 : -4]]
        except (KeyError, IndexError):
            return False
        if record[0] != WALL_TIME or record[9] != STEP or step >= 1 << 63:
            return False
        if form.points is not None:
            form.points.add(step, _WALL.unpack_from(record, 1)[0], _VALUE.unpack(record[-4:])[0])
        self._taken = form, at + 1 - _STEP_AT
        return True

    def skim(self, block: bytes, at: int) -> int:
        """Asked before each record of a block: where the next one begins that nobody has taken."""
        taken, begin, self._begin, self._taken = self._taken, self._begin, at, None
        if self._rest:
            self._rest -= 1
            return at
        if at == 0 or taken is None:  # another block, or a record of another kind
            self._row.clear()
        else:
            form, step_bytes = taken
            self._row.append((form, Place(begin, at, step_bytes, form.points)))
            if form is self._row[0][0] and len(self._row) > 1:
                self._begin = at = self._skim_cycle(block, at)
            elif len(self._row) > MOST_IN_CYCLE:
                self._row.clear()
        return at

    def _skim_cycle(self, block: bytes, at: int) -> int:
        cycle = Cycle(block, [place for _, place in self._row[1:]])
        end = cycle.take(block, at)
        if end - at >= WORTH_IT * (at - self._row[-1][1].begin):
            self._next_rest = 0
        else:  # no cycle, or one that is broken again and again
            self._next_rest = min(max(WORTH_IT, 2 * self._next_rest), LONGEST_REST)
        self._rest = self._next_rest
        self._row.clear()
        return end

    def learn(self, record: bytes, event: Any, points: Points | None) -> None:
        """Remembers the form of an event, if it is the one that is known here; ``points`` is None
        where such events are of no use."""
        at = _STEP_AT
        while at < len(record) and record[at] > 127:
            at += 1
        key = record[at + 1 : -4]
        if len(self._known) >= MOST_TAGS or len(event.summary.value) != 1 or len(key) < 2:
            return
        if key[0] != SUMMARY or key[-1] != SIMPLE_VALUE:
            return
        # Exactly the four fields, in order: put together again they are the same bytes.
        if event.SerializeToString(deterministic=True) == record:
            self._known[key] = _Form(points)
