"""The run that is being watched, and the report of the last one. One run at a time."""

from __future__ import annotations

from ..report import Report
from .watch_session import WatchSession

_active: WatchSession | None = None
_last: Report | None = None


def active() -> WatchSession | None:
    return _active if _active is not None and _active.running else None


def begin(session: WatchSession) -> None:
    """Starts watching. The caller makes sure that no other session is active."""
    global _active
    _active = session
    session.start()


def end(session: WatchSession) -> Report:
    """Stops watching; may be called again."""
    global _active, _last
    report = session.stop()
    if _active is session:
        _active = None
        if report.steps or report.findings:
            _last = report
    return report


def nested(outer: WatchSession) -> str:
    """What the user is told who starts watching inside a run that is being watched."""
    return f"watch_training: run '{outer.run}' is being watched already; the inner one is left out"


def last_report() -> Report | None:
    """The report of the last watched run of this process; None before there was one.

    A watched cell without training is no run.
    """
    return _last
