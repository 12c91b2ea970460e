"""Cards in a notebook: one display per run, updated in place, and the summary below the cell's
output."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from ..findings import SEVERITY_ORDER
from ..records import Record
from ..render import html, text
from ..render.figure import draw
from ..render.summary import nothing_seen
from ..report import Report

# No faster than a reader can follow; a message to the browser costs about a millisecond.
SECONDS_BETWEEN_UPDATES = 0.5
# A step count that ticks tells that all is well; more often it would only cost.
SECONDS_BETWEEN_TICKS = 5.0

_Key = tuple[str, str | None]  # rule, site


class NotebookSink:
    """Shows the board (a line, or the open cards) at the top of the cell's output, made before
    anything else is printed there: an update in place then never comes between a progress bar and
    its next redraw.

    A finding that escalates gets a new board below; the old one points to it. `clear_output` is
    never used.
    """

    def __init__(
        self,
        *,
        quiet: bool = False,
        plain: bool = False,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._quiet = quiet
        self._plain = plain
        self._clock = clock
        self._handle: Any = None
        self._shown = ""
        self._worst: dict[_Key, int] = {}
        self._last = float("-inf")
        self._begun = False  # whether a step has been shown
        self._parent = _parent()

    def record(self, record: Record) -> None: ...

    def update(self, report: Report) -> None:
        if self._quiet:
            return
        now = self._clock()
        opened, escalated = self._changes(report)
        calm = not report.findings and (self._begun or report.steps == 0)
        wait = SECONDS_BETWEEN_TICKS if calm else SECONDS_BETWEEN_UPDATES
        if self._handle is not None and not opened and now - self._last < wait:
            return
        board = text.render_board(report)
        if board == self._shown:
            return
        self._remember(report)
        self._last, self._shown = now, board
        self._begun = report.steps > 0
        if escalated and self._handle is not None:
            line = f"watch_training  run '{report.run}': see below, worse at step {report.steps:,}"
            self._put(line, html.render_line(line))
            self._handle = None
        self._put(board, html.render_board(report))

    def close(self, report: Report) -> None:
        """The board with its final words, then the summary and the figure below all other
        output."""
        if self._handle is not None and nothing_seen(report):
            self._put(text.render_summary(report), html.render_summary(report))
            return
        if self._handle is not None or (report.findings and not self._quiet):
            self._put(text.render_board(report), html.render_board(report))
        self._display(text.render_summary(report), html.render_summary(report))
        if not self._plain and report.findings and report.trace is not None:
            png = draw(report.trace)
            if png is not None:
                with _answering(self._parent):
                    _show_png(png, report.run)

    def _changes(self, report: Report) -> tuple[bool, bool]:
        """Whether a finding is new, and whether one that was shown has become worse."""
        opened = escalated = False
        for finding in report.findings:
            known = self._worst.get((finding.rule, finding.site))
            opened |= known is None
            escalated |= known is not None and SEVERITY_ORDER[finding.severity] < known
        return opened or escalated, escalated

    def _remember(self, report: Report) -> None:
        for finding in report.findings:
            self._worst[finding.rule, finding.site] = SEVERITY_ORDER[finding.severity]

    def _put(self, plain: str, rich: str) -> None:
        """Into the run's display, made if there is none."""
        data = self._bundle(plain, rich)
        with _answering(self._parent):
            if self._handle is None:
                self._handle = show(data, display_id=True)
            else:
                self._handle.update(data, raw=True)

    def _display(self, plain: str, rich: str) -> None:
        with _answering(self._parent):
            show(self._bundle(plain, rich))

    def _bundle(self, plain: str, rich: str) -> dict[str, str]:
        return {"text/plain": plain} | ({} if self._plain else {"text/html": rich})


def _show_png(png: bytes, run: str) -> None:
    import base64
    import struct

    width, height = struct.unpack(">II", png[16:24])
    show(
        {
            "image/png": base64.b64encode(png).decode("ascii"),
            "text/plain": f"<Figure of run {run!r}>",
        },
        metadata={"image/png": {"width": width // 2, "height": height // 2}},
    )


def show(data: Mapping[str, str], **options: Any) -> Any:
    """A display of its own, by MIME type; returns the handle where ``display_id=True``."""
    from IPython.display import display

    publish: Any = display
    return publish(dict(data), raw=True, **options)


def _kernel_publisher() -> Any:
    from IPython.core.getipython import get_ipython

    shell = get_ipython()
    publisher = getattr(shell, "display_pub", None)
    return publisher if hasattr(publisher, "set_thread_parent") else None


def _parent() -> Any:
    publisher = _kernel_publisher()
    return None if publisher is None else publisher.parent_header


@contextmanager
def _answering(parent: Any) -> Iterator[None]:
    """Output belongs to the cell that was watched: not to the one that runs now, whatever the
    thread."""
    publisher = _kernel_publisher()
    if not parent or publisher is None or publisher.parent_header == parent:
        yield
        return
    token = publisher.set_thread_parent(parent)
    try:
        yield
    finally:
        publisher.reset_thread_parent(token)
