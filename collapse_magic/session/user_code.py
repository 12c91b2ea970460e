"""Where the user's code is: the cells of a notebook, or the file of a script."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import FrameType
from typing import Any, Protocol

# A script has no cells: its file stands in for one.
SCRIPT_CELL = 0


class UserCode(Protocol):
    """What the session asks of the place that runs the user's code."""

    def release(self) -> None:
        """The run is over: let go of the user's variables."""

    cell: int | None  # execution count of the watched cell; None outside notebooks

    def cells(self) -> Mapping[int, str]:
        """Execution count -> source as the user typed it."""

    def namespace(self) -> Mapping[str, Any]:
        """The user's variables."""

    def place(self, frame: FrameType) -> tuple[int, int] | None:
        """(cell, line) of the innermost frame, from this one outwards, that runs the user's
        code."""


class ScriptCode:
    """A file that is run: its lines count as those of one cell.

    Variables are those of the first frame that was seen in the file: its globals, and the locals
    of the function that runs there.
    """

    def __init__(self, path: str, frame: FrameType | None = None) -> None:
        self.cell: int | None = None
        self._path = path
        self._frame = frame

    @classmethod
    def of_caller(cls, frame: FrameType) -> ScriptCode:
        return cls(frame.f_code.co_filename, frame)

    def cells(self) -> Mapping[int, str]:
        try:
            return {SCRIPT_CELL: Path(self._path).read_text(encoding="utf-8")}
        except (OSError, ValueError):  # typed into an interpreter, or not text
            return {}

    def namespace(self) -> Mapping[str, Any]:
        if self._frame is None:
            return {}
        return {**self._frame.f_globals, **self._frame.f_locals}

    def place(self, frame: FrameType) -> tuple[int, int] | None:
        current: FrameType | None = frame
        while current is not None:
            if current.f_code.co_filename == self._path:
                self._frame = self._frame or current
                return SCRIPT_CELL, current.f_lineno
            current = current.f_back
        return None

    def release(self) -> None:
        self._frame = None
