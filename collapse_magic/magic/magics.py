"""The magics by name: ``%%watch_training``, ``%watch_training``, ``%collapse_tb``."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from IPython.core.error import UsageError
from IPython.core.magic import (
    Magics,
    line_cell_magic,
    line_magic,
    magics_class,
    no_var_expand,
    output_can_be_silenced,
)

from ..session.options import OptionError, nearest
from . import answers
from .cell_magic import run_watched
from .command_line import split
from .lifecycle import Lifecycle
from .tab import open_tab

NAMES = {"cell": ("watch_training",), "line": ("watch_training", "collapse_tb")}


@magics_class
class WatchMagics(Magics):
    """See `answers.HELP` for what people read."""

    def __init__(self, shell: Any, lifecycle: Lifecycle) -> None:
        super().__init__(shell)
        self._lifecycle = lifecycle

    @no_var_expand
    @output_can_be_silenced
    @line_cell_magic
    def watch_training(self, line: str, cell: str | None = None) -> Any:
        words = split(line)
        if {"-h", "--help"} & set(words):
            print(answers.HELP)
            return None
        if cell is not None:
            return run_watched(self._lifecycle, line, cell)
        try:
            return _answer(self.shell, words)
        except OptionError as error:
            raise UsageError(f"%watch_training: {error}") from None

    @line_magic
    def collapse_tb(self, line: str) -> None:
        """Open the Collapse tab of TensorBoard here: ``%collapse_tb [LOGDIR]``."""
        words = split(line)
        if len(words) > 1 or (words and words[0].startswith("-")):
            raise UsageError("%collapse_tb: write %collapse_tb [LOGDIR]")
        try:
            open_tab(words[0].strip("'\"") if words else None)
        except OptionError as error:
            raise UsageError(f"%collapse_tb: {error}") from None


WatchMagics.watch_training.__doc__ = answers.HELP

_ANSWERS: dict[str, Callable[[Any, list[str]], None]] = {
    "--explain": answers.explain,
    "--rules": answers.rules_list,
    "--fix": answers.fix,
    "--try-fix": answers.try_fix,
}


def _answer(shell: Any, words: Sequence[str]) -> None:
    if not words:
        answers.show_last()
        return
    flag, equals, value = words[0].partition("=")
    if flag not in _ANSWERS:
        if flag.startswith("-"):
            raise OptionError(f"unknown option {flag}{nearest(flag, [*_ANSWERS, '--help'])}")
        raise OptionError("to watch a cell, write %%watch_training on its first line")
    _ANSWERS[flag](shell, [*([value] if equals else []), *words[1:]])
