"""Which cells run, one inside another, and where their code stands in what the user typed."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import FrameType
from typing import Any

# What `%%time` calls the code it runs.
TIMED = ("<timed exec>", "<timed eval>")
_TIME = re.compile(r"^[ \t]*%%?time\b.*$", re.MULTILINE)


@dataclass(frozen=True)
class Part:
    """Code that is part of a cell but compiled on its own."""

    text: str  # as it stands in the cell, from its first line that is not empty
    first_line: int  # what the compiled code calls that line

    @classmethod
    def of(cls, source: str, first_line: int = 1) -> Part:
        return cls("\n".join(source.splitlines()[_blank_lines(source) :]), first_line)


@dataclass(eq=False)
class RunningCell:
    """A cell that IPython runs now, and what is to be done when it ends."""

    info: Any  # IPython's ExecutionInfo
    count: int
    raw: str
    at_end: list[Callable[[], None]] = field(default_factory=list)


class RunningCells:
    """The cells that run, outermost first: `run_cell` inside a cell and ``%run`` fire the same
    events.

    An end is matched with its own beginning, since IPython fires either without the other: no
    beginning for an empty cell, no result for a cancelled one.
    """

    def __init__(self, shell: Any) -> None:
        self.shell = shell
        self.stack: list[RunningCell] = []
        # By the name of the compiled code: what inside the outermost cell is compiled on its own.
        self.parts: dict[str, Part] = {}

    def began(self, info: Any) -> None:
        outer = self.stack[0] if self.stack else None
        if outer is None:
            self.parts.clear()
            count = self.shell.execution_count - (1 if info.store_history else 0)
        else:
            count = outer.count
            transformed = getattr(info, "transformed_cell", None) or info.raw_cell
            name = self.shell.compile.get_code_name(
                info.raw_cell, transformed, self.shell.execution_count
            )
            self.parts[name] = Part.of(info.raw_cell)
        self.stack.append(RunningCell(info, count, info.raw_cell))

    def ended(self, result: Any) -> None:
        info = getattr(result, "info", None)
        depth = self._depth(info)
        if depth is None:
            return
        over, self.stack = self.stack[depth:], self.stack[:depth]
        for cell in reversed(over):
            for work in cell.at_end:
                work()

    def _depth(self, info: Any) -> int | None:
        """Place in the stack of the cell that is over."""
        if info is None:  # cancelled: only the outermost cell ends without a result
            return 0 if self.stack else None
        for depth in reversed(range(len(self.stack))):
            cell = self.stack[depth]
            if cell.info is info:
                return depth
        last = len(self.stack) - 1
        # Where running the cell failed as a whole, IPython makes a new info for the result.
        return last if self.stack and self.stack[last].raw == info.raw_cell != "" else None


class NotebookCode:
    """Cells of the shell, by execution count; implements `session.user_code.UserCode`."""

    def __init__(
        self, shell: Any, count: int, raw: str, parts: Mapping[str, Part], locals: FrameType | None
    ) -> None:
        self.cell: int | None = count
        self._shell = shell
        self._raw = raw
        self._parts = parts
        self._locals = locals

    def cells(self) -> Mapping[int, str]:
        return {**typed_cells(self._shell), self._count: self._raw}

    def namespace(self) -> Mapping[str, Any]:
        variables: Mapping[str, Any] = self._shell.user_ns
        if self._locals is not None and self._locals.f_locals is not variables:
            return {**variables, **self._locals.f_locals}
        return variables

    def place(self, frame: FrameType) -> tuple[int, int] | None:
        current: FrameType | None = frame
        while current is not None:
            found = self._of_code(current.f_code.co_filename, current.f_lineno)
            if found is not None:
                return found
            current = current.f_back
        return None

    def release(self) -> None:
        self._locals = None

    @property
    def _count(self) -> int:
        return self.cell or 0

    def _of_code(self, name: str, line: int) -> tuple[int, int] | None:
        part = self._parts.get(name)
        if part is not None:
            at = self._raw.find(part.text)
            above = self._raw.count("\n", 0, at)
            return None if at < 0 else (self._count, above + 1 + line - part.first_line)
        if name in TIMED:
            time = _TIME.search(self._raw)
            if time is None:
                return None
            if name == TIMED[1] and time[0].lstrip().startswith("%time"):  # a line: `%time train()`
                return self._count, self._raw.count("\n", 0, time.start()) + 1
            return self._count, self._raw.count("\n", 0, time.end()) + 1 + line
        count = getattr(self._shell.compile, "_filename_map", {}).get(name)
        if count is None:
            return None
        raw = self._raw if count == self.cell else self.cells().get(count, "")
        return count, line + _blank_lines(raw)


def typed_cells(shell: Any) -> dict[int, str]:
    """All cells of this session as they were typed, by execution count."""
    history = getattr(shell.history_manager, "input_hist_raw", [])
    return {number: raw for number, raw in enumerate(history) if number and raw}


def _blank_lines(source: str) -> int:
    """Leading empty lines, which IPython drops before it compiles a cell."""
    lines = source.splitlines()
    return next((n for n, line in enumerate(lines) if line.strip()), 0)


def caller_in_cell(shell: Any, frame: FrameType) -> bool:
    """Whether a frame runs code that was typed into a cell."""
    name = frame.f_code.co_filename
    return name in TIMED or name in getattr(shell.compile, "_filename_map", {})


def shell_of_process() -> Any:
    """The running IPython shell, or None; IPython is not imported for the question."""
    if "IPython" not in sys.modules:
        return None
    from IPython.core.getipython import get_ipython

    return get_ipython()
