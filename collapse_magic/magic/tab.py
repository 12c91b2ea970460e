"""``%collapse_tb``: TensorBoard's Collapse tab, inline and as a link."""

from __future__ import annotations

from html import escape

from ..config import DEFAULT_LOGDIR
from ..session.current import last_report
from ..session.options import OptionError
from ..sinks.notebook import show
from .cells import shell_of_process

HEIGHT = 800


def open_tab(logdir: str | None) -> None:
    """Shows the directory's runs; by default where the last run was written."""
    from tensorboard_plugin_collapse.launcher import ServerError, start_server

    report = last_report()
    logdir = logdir or (report.logdir if report is not None else None) or DEFAULT_LOGDIR
    try:
        server = start_server(logdir)
    except ServerError as error:
        raise OptionError(str(error)) from None
    if not hasattr(shell_of_process(), "kernel"):
        print(f"Collapse tab of {logdir}: {server.url}")
        return
    url = escape(server.url, quote=True)
    words = f"Collapse tab of {logdir}"
    show(
        {
            "text/plain": f"{words}: {server.url}",
            "text/html": f'<a href="{url}" target="_blank" rel="noopener">{escape(words)} in a new '
            f'browser tab</a><iframe src="{url}" title="{escape(words, quote=True)}" width="100%" '
            f'height="{HEIGHT}" style="border:0"></iframe>',
        }
    )
