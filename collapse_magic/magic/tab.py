"""``%collapse_tb``: TensorBoard's Collapse tab, inline and as a link."""

from __future__ import annotations

from html import escape

from ..config import DEFAULT_LOGDIR
from ..session.current import last_report
from ..session.options import OptionError
from .cells import shell_of_process

HEIGHT = 800


def open_tab(logdir: str | None) -> None:
    """Shows the directory's runs; by default where the last run was written."""
    from IPython.display import HTML, IFrame, display
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
    link = escape(server.url, quote=True)
    display(
        HTML(
            f'<a href="{link}" target="_blank" rel="noopener">Collapse tab of '
            f"{escape(str(logdir))} in a new browser tab</a>"
        ),
        IFrame(server.url, width="100%", height=HEIGHT),
    )
