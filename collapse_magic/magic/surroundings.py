"""Where a ``with watch_training(...)`` block is: its code and the sinks that fit there."""

from __future__ import annotations

from types import FrameType
from typing import Any

from ..session.user_code import ScriptCode, UserCode
from ..sinks.base import Sink
from ..sinks.notebook import NotebookSink
from ..sinks.terminal import TerminalSink
from .cells import NotebookCode, caller_in_cell, shell_of_process
from .lifecycle import installed


def surroundings(caller: FrameType, quiet: bool, plain: bool) -> tuple[UserCode, list[Sink]] | None:
    """None outside IPython."""
    shell = shell_of_process()
    if shell is None:
        return None
    if not caller_in_cell(shell, caller):  # a module or `%run script.py`
        return ScriptCode.of_caller(caller), sinks_for(shell, quiet, plain)
    current = installed()
    if current is not None and current.cells.stack:
        outer = current.cells.stack[0]
        count, raw, parts = outer.count, outer.raw, current.cells.parts
    else:
        count = shell.execution_count - 1
        history = getattr(shell.history_manager, "input_hist_raw", [])
        raw, parts = (history[count] if 0 < count < len(history) else ""), {}
    return NotebookCode(shell, count, raw, parts, caller), sinks_for(shell, quiet, plain)


def sinks_for(shell: Any, quiet: bool, plain: bool) -> list[Sink]:
    """A kernel has a front end that shows HTML and updates; a terminal prints."""
    if hasattr(shell, "kernel"):
        return [NotebookSink(quiet=quiet, plain=plain)]
    return [TerminalSink(quiet=quiet)]
