"""The cell magic ``%%watch_training`` and its companions."""

from __future__ import annotations

import sys
from typing import Any

from .lifecycle import installed
from .transformer import show_as_typed


def load_ipython_extension(shell: Any) -> None:
    """``%load_ext collapse_magic``."""
    from .install import install

    install(shell)
    import libcst.metadata  # noqa: F401 - a third of a second, which no training shall wait for


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
