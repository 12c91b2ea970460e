"""The cell magic ``%%watch_training`` and its companions."""

from __future__ import annotations

import sys
from contextlib import suppress
from importlib import import_module
from typing import Any

from .lifecycle import installed
from .transformer import show_as_typed


def load_ipython_extension(shell: Any) -> None:
    """``%load_ext collapse_magic``."""
    from .install import install

    install(shell)
    _import_ahead()


def _import_ahead() -> None:
    """What the first run writes its log with, and the first cure: most of half a second, which no
    training shall wait for. What cannot be imported is told of by the run that needs it."""
    from ..sinks.tensorboard import prepare

    with suppress(Exception):
        prepare()
    with suppress(Exception):
        import_module("libcst.native")  # which libcst imports when it parses for the first time
        from ..source import rewrite  # noqa: F401


def unload_ipython_extension(shell: Any) -> None:
    """``%unload_ext collapse_magic``: takes everything back."""
    from .install import uninstall

    uninstall(shell)


def watch_training(line: str) -> None:
    """Starts to watch the cell that is running; the input transformer puts this call on line 1."""
    current = installed()
    if current is not None:
        current.start(line)
        show_as_typed(sys._getframe(1).f_code.co_filename)
