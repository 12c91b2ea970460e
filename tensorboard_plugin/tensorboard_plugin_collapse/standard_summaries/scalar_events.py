"""Events with one number each, told by their bytes: there are millions of them in a large log.

In the form of protocol buffers such an event is its wall time, its step, the tag with all lengths,
and the number. Of one tag all but wall time, step and number is the same from event to event: once
one was read in the ordinary way, the others are known by what is the same.
"""

from __future__ import annotations

import struct
from typing import Any

from .points import Points

_WALL = struct.Struct("<d")
_VALUE = struct.Struct("<f")
# Field 1, a double; field 2, a varint; field 5, bytes; the number's own mark before it.
WALL_TIME, STEP, SUMMARY, SIMPLE_VALUE = 0x09, 0x10, 0x2A, 0x15
_STEP_AT = 10
MOST_TAGS = 20_000


class ScalarEvents:
    """Takes events of known tags straight to their points."""

    def __init__(self) -> None:
        self._known: dict[bytes, Points | None] = {}

    def take(self, record: bytes) -> bool:
        """Whether it was one that is known, and has been taken."""
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
            points = self._known[record[at + 1 : -4]]
        except (KeyError, IndexError):
            return False
        if record[0] != WALL_TIME or record[9] != STEP or step >= 1 << 63:
            return False
        if points is not None:
            points.add(step, _WALL.unpack_from(record, 1)[0], _VALUE.unpack(record[-4:])[0])
        return True

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
            self._known[key] = points

    def forget(self) -> None:
        self._known.clear()
