"""``with watch_training(...)``: the watching of a notebook cell, for any block of code."""

from __future__ import annotations

import sys
from types import FrameType, TracebackType
from typing import Any

from .report import Report
from .session import current
from .session.current import last_report
from .session.options import make_config
from .session.user_code import ScriptCode, UserCode
from .session.watch_session import WatchSession
from .sinks.terminal import TerminalSink

__all__ = ["Watch", "last_report", "watch_training"]


class Watch:
    """A block of code under watch; see `watch_training`."""

    def __init__(
        self, session: WatchSession | None, out: tuple[str, dict[str, Any]] | None
    ) -> None:
        self._session = session
        self._out = out

    @property
    def report(self) -> Report:
        """As it stands while the block runs, final afterwards."""
        session = self._session or current.active()
        if session is None:
            report = last_report()
            if report is None:
                raise RuntimeError("nothing was watched")
            return report
        return session.report

    def __enter__(self) -> Watch:
        if self._session is None:
            return self
        already = current.active()
        if already is not None and _is_over(already, self._session):
            current.end(already)
            already = None
        if already is not None:
            print(current.nested(already), file=sys.stderr)
            self._session = None
        else:
            current.begin(self._session)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._session is None:
            return
        if error is not None:
            self._session.explain(error)
        report = current.end(self._session)
        if self._out is not None:
            name, variables = self._out
            variables[name] = report


def watch_training(name: str | None = None, **options: Any) -> Watch:
    """Watch the training inside a ``with`` block and say why a classifier collapses.

    >>> with watch_training("mnist", class_names=["cat", "dog"]) as watch:
    ...     train()
    >>> watch.report.findings

    Parameters are the fields of `WatchConfig`, the same words as the magic's options. Raises
    `OptionError` (a `ValueError`) for an option that cannot be meant; nothing is raised once the
    block runs.
    """
    config = make_config({"name": name, **options})
    caller = sys._getframe(1)
    code, sinks = _surroundings(caller, config.quiet, config.plain)
    session = WatchSession(config, code, sinks)
    return Watch(session, (config.out, caller.f_globals) if config.out else None)


def _is_over(session: WatchSession, new: WatchSession) -> bool:
    """Whether a session was left behind by a cell that is no longer running."""
    return session.code.cell is not None and session.code.cell != new.code.cell


def _surroundings(caller: FrameType, quiet: bool, plain: bool) -> tuple[UserCode, list[Any]]:
    """Where the block is: in a cell (IPython is loaded then), or in a script."""
    if "IPython" in sys.modules:
        from .magic.surroundings import surroundings

        found = surroundings(caller, quiet, plain)
        if found is not None:
            return found
    return ScriptCode.of_caller(caller), [TerminalSink(quiet=quiet)]
