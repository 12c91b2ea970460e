"""Events with one number each, told by their bytes: there are millions of them in a large log.

In the form of protocol buffers such an event is its wall time, its step, the tag with all lengths,
and the number; behind the number of a tensor comes what the tag is (TensorFlow repeats it with each
event). Of one tag all but wall time, step and number is the same from event to event: once one was
read in the ordinary way, the others are known by what is the same.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Any

from .event_cycles import Cycle, Place
from .points import Points
from .summaries import SCALARS
from .values import DT_FLOAT

_WALL = struct.Struct("<d")
_VALUE = struct.Struct("<f")
# Field 1, a double; field 2, a varint; field 5, bytes.
WALL_TIME, STEP, SUMMARY = 0x09, 0x10, 0x2A
_STEP_AT = 10
# What stands before the number: its own mark, or that of a tensor's only one, with its length.
SIMPLE_VALUE, TENSOR_CONTENT, FLOAT_VAL = b"\x15", b"\x22\x04", b"\x2a\x04"
METADATA = b"\x4a"
# Sets of bytes behind a number that are told apart; all scalars of one writer have the same.
MOST_ENDS = 8
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
    behind: int  # bytes behind the number


class ScalarEvents:
    """Takes events of known tags straight to their points: one by one by `take`, and by `skim`
    those that come in cycles, as a training writes the same tags step by step."""

    def __init__(self) -> None:
        self.forget()

    def forget(self) -> None:
        """All that was learnt."""
        self._known: dict[bytes, _Form] = {}  # by the bytes around the number
        self._ends: list[int] = []  # how many bytes there may be behind it
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
        except IndexError:
            return False
        form = self._form(record, at + 1)
        if form is None or record[0] != WALL_TIME or record[9] != STEP or step >= 1 << 63:
            return False
        if form.points is not None:
            number = _VALUE.unpack_from(record, len(record) - form.behind - _VALUE.size)[0]
            form.points.add(step, _WALL.unpack_from(record, 1)[0], number)
        self._taken = form, at + 1 - _STEP_AT
        return True

    def _form(self, record: bytes, begin: int) -> _Form | None:
        """``begin`` is behind the step."""
        for behind in self._ends:
            form = self._known.get(_around(record, begin, behind))
            if form is not None and form.behind == behind:
                return form
        return None

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
            place = Place(begin, at, step_bytes, form.points, form.behind)
            self._row.append((form, place))
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
        """Remembers the form of an event, if it is one that is known here; ``points`` is None
        where such events are of no use."""
        at = _STEP_AT
        while at < len(record) and record[at] > 127:
            at += 1
        if len(self._known) >= MOST_TAGS or len(event.summary.value) != 1:
            return
        if at + 1 >= len(record) or record[at + 1] != SUMMARY:
            return
        value = event.summary.value[0]
        if (
            value.HasField("tensor")
            and points is None
            and value.metadata.plugin_data.plugin_name != SCALARS
        ):
            return  # a value of another kind, which may be of use
        number, behind = _number(value), _behind(value)
        if number is None or not record[: len(record) - behind].endswith(number):
            return
        # Exactly these fields, in order: put together again they are the same bytes.
        if event.SerializeToString(deterministic=True) != record:
            return
        if behind not in self._ends:
            if len(self._ends) == MOST_ENDS:
                return
            self._ends.append(behind)
        self._known[_around(record, at + 1, behind)] = _Form(points, behind)


def _around(record: bytes, begin: int, behind: int) -> bytes:
    """What is the same in all events of a tag: what is before the number and what is behind it."""
    end = len(record) - behind
    return record[begin : end - _VALUE.size] + record[end:]


def _number(value: Any) -> bytes | None:
    """The number behind its mark; None where there is none, or it is written in another way."""
    if value.node_name:  # it would stand behind the number
        return None
    if value.WhichOneof("value") == "simple_value":
        return SIMPLE_VALUE + _VALUE.pack(value.simple_value)
    tensor = value.tensor
    content, floats = bytes(tensor.tensor_content), tensor.float_val
    if tensor.dtype != DT_FLOAT:
        return None
    if len(content) == _VALUE.size and not floats:
        return TENSOR_CONTENT + content
    return FLOAT_VAL + _VALUE.pack(floats[0]) if len(floats) == 1 and not content else None


def _behind(value: Any) -> int:
    """Bytes behind the number: the metadata, where there are some."""
    if not value.HasField("metadata"):
        return 0
    size: int = value.metadata.ByteSize()
    return len(METADATA) + (size.bit_length() + 6) // 7 + size
