"""The run that is being watched, and the report of the last one. One run at a time."""

from __future__ import annotations

import os

from ..report import Report
from .watch_session import WatchSession

_active: WatchSession | None = None
_last: Report | None = None
_last_cell: int | None = None


def active() -> WatchSession | None:
    return _active if _active is not None and _active.running else None


def begin(session: WatchSession) -> None:
    """Starts watching. The caller makes sure that no other session is active.

    An interrupt meanwhile leaves everything as it was before.
    """
    global _active
    _active = session
    try:
        session.start()
    except BaseException:
        _active = None
        session.abandon()
        raise


def end(session: WatchSession) -> Report:
    """Stops watching; may be called again."""
    global _active, _last, _last_cell
    was_active = _active is session
    try:
        report = session.stop()
    finally:
        if was_active:
            _active = None
    if was_active and (report.steps or report.findings):
        _last, _last_cell = report, session.code.cell
    return report


def nested(outer: WatchSession) -> str:
    """What the user is told who starts watching inside a run that is being watched."""
    return f"watch_training: run '{outer.run}' is being watched already; the inner one is left out"


def _in_forked_child() -> None:
    """A process that the watched code forks (a DataLoader's worker, say) goes on unwatched: the
    run, its log and the screen are its parent's."""
    global _active
    session, _active = _active, None
    if session is not None:
        session.abandon()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_in_forked_child)


def last_report() -> Report | None:
    """The report of the last watched run of this process; None before there was one.

    A watched cell without training is no run.
    """
    return _last


def last_cell() -> int | None:
    """The cell that the last watched run was in; None in a script, or before there was one."""
    return _last_cell
