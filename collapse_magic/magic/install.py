"""What ``%load_ext collapse_magic`` adds to a shell, and how it goes away again."""

from __future__ import annotations

from typing import Any

from .lifecycle import Lifecycle, installed, set_installed
from .magics import NAMES, WatchMagics
from .transformer import watch_first_line


def install(shell: Any) -> None:
    """May be called twice: the second time replaces the first."""
    uninstall(shell)
    lifecycle = Lifecycle(shell)
    shell.input_transformers_cleanup.append(watch_first_line)
    shell.events.register("pre_run_cell", lifecycle.cells.began)
    shell.events.register("post_run_cell", lifecycle.cells.ended)
    shell.register_magics(WatchMagics(shell, lifecycle))
    set_installed(lifecycle)


def uninstall(shell: Any) -> None:
    """Harmless where nothing is installed."""
    lifecycle = installed()
    if lifecycle is None or lifecycle.shell is not shell:
        return
    lifecycle.shut_down()
    shell.input_transformers_cleanup[:] = [
        transform
        for transform in shell.input_transformers_cleanup
        if transform is not watch_first_line
    ]
    shell.events.unregister("pre_run_cell", lifecycle.cells.began)
    shell.events.unregister("post_run_cell", lifecycle.cells.ended)
    for kind, names in NAMES.items():
        for name in names:
            shell.magics_manager.magics[kind].pop(name, None)
    set_installed(None)
