"""Where in the user's code something happens, code that AutoGraph has rewritten included."""

from __future__ import annotations

from types import FrameType
from typing import Any, cast

from ..base import ProbeContext


class _Code:
    def __init__(self, filename: str) -> None:
        self.co_filename = filename


class _Line:
    """As much of a frame as is needed to find a place: a file, a line, and the caller."""

    def __init__(self, filename: str, line: int, back: _Line | None) -> None:
        self.f_code = _Code(filename)
        self.f_lineno = line
        self.f_back = back
        self.f_globals: dict[str, Any] = {}
        self.f_locals: dict[str, Any] = {}


def place_of(
    context: ProbeContext, frame: FrameType | None, tensor: Any = None
) -> tuple[int, int] | None:
    """(cell, line) of what the frame does, or of what has made a tensor of a graph.

    The frames of a function that is being traced are of the code that AutoGraph has made of it;
    the operations of the graph know the lines that the user has written.
    """
    found = None if frame is None else context.place(frame)
    lines = _lines(tensor)
    if lines is None:
        return found
    return context.place(cast(FrameType, lines)) or found


def _lines(tensor: Any) -> _Line | None:
    if tensor is None or hasattr(tensor, "numpy"):
        return None
    last: _Line | None = None
    for entry in getattr(getattr(tensor, "op", None), "traceback", None) or ():
        last = _Line(entry.filename, entry.lineno, last)
    return last
