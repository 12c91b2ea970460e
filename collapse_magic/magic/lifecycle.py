"""From line 1 of a watched cell to its end."""

from __future__ import annotations

import sys
from typing import Any

from ..config import WatchConfig
from ..probes.base import TrainingStopped
from ..session import current, expressions
from ..session.options import make_config
from ..session.watch_session import WatchSession
from .cells import NotebookCode, RunningCell, RunningCells
from .command_line import parse, split

_installed: Lifecycle | None = None


def installed() -> Lifecycle | None:
    """What ``%load_ext`` installed; None without it."""
    return _installed


def set_installed(lifecycle: Lifecycle | None) -> None:
    global _installed
    _installed = lifecycle


class Lifecycle:
    """Watched cells of one shell."""

    def __init__(self, shell: Any) -> None:
        self.shell = shell
        self.cells = RunningCells(shell)
        self._owner: RunningCell | None = None
        self._session: WatchSession | None = None
        self._traceback_hook: Any = None

    def start(self, line: str) -> None:
        """Watches the running cell until it ends. Raises UsageError: then the cell does not run."""
        if self.cells.stack:  # a silent execution fires no events: it could not be ended
            cell = self.cells.stack[-1]
            session = self.open(self.config(line, self.cells.stack[0].raw), cell)
            if session is not None:
                cell.at_end.append(lambda: self.close(session))

    def config(self, line: str, source: str) -> WatchConfig:
        from IPython.core.error import UsageError

        try:
            config = make_config(parse(split(line), _body(source)))
            for value in (config.model, config.class_names):
                if isinstance(value, expressions.Expression):
                    value.at_start(self.shell.user_ns)
        except ValueError as error:
            raise UsageError(f"%%watch_training: {error}") from None
        return config

    def open(self, config: WatchConfig, cell: RunningCell) -> WatchSession | None:
        """Begins a session; None where another run is being watched, which is said in one line."""
        from .surroundings import sinks_for

        already = current.active()
        if already is not None:
            if self._runs_on(already, cell):
                print(current.nested(already), file=sys.stderr)
                return None
            self._finish(already)  # left behind by a cell that was broken off
        code = NotebookCode(self.shell, cell.count, self.cells.stack[0].raw, self.cells.parts, None)
        session = WatchSession(config, code, sinks_for(self.shell, config.quiet, config.plain))
        self._owner, self._session = cell, session
        self._hook_traceback(session)
        current.begin(session)
        return session

    def _runs_on(self, session: WatchSession, cell: RunningCell) -> bool:
        if session is self._session:
            return self._owner in self.cells.stack
        return session.code.cell == cell.count

    def close(self, session: WatchSession) -> None:
        """Ends a session and hands the report to ``-o VAR``; harmless if it is over already."""
        if session.running:
            self._finish(session)

    def shut_down(self) -> None:
        if self._session is not None:
            self.close(self._session)

    def _finish(self, session: WatchSession) -> None:
        try:
            report = current.end(session)
            if session.config.out is not None:
                self.shell.user_ns[session.config.out] = report
        finally:
            self._unhook_traceback()

    # IPython shows the traceback before it says that the cell is over; the card is to stand above
    # it.

    def _hook_traceback(self, session: WatchSession) -> None:
        self._unhook_traceback()
        original = self.shell.showtraceback

        def showtraceback(*args: Any, **kwargs: Any) -> Any:
            given = kwargs.get("exc_tuple") or (args[0] if args else None)
            error = given[1] if given else sys.exc_info()[1]
            if error is not None:
                explain(session, error)
            return original(*args, **kwargs)

        self._traceback_hook = showtraceback
        self.shell.__dict__["showtraceback"] = showtraceback

    def _unhook_traceback(self) -> None:
        hook, self._traceback_hook = self._traceback_hook, None
        if hook is not None and self.shell.__dict__.get("showtraceback") is hook:
            del self.shell.__dict__["showtraceback"]


def explain(session: WatchSession, error: BaseException) -> None:
    """Before a traceback is shown: a card where the loss raised, one line where we stopped the
    cell."""
    if isinstance(error, TrainingStopped):
        line = f"TrainingStopped: {error}"
        error.__dict__["_render_traceback_"] = lambda: [line]
    session.explain(error)


def _body(source: str) -> str:
    """The cell's Python, as far as it is plain Python: without the lines of magics and shell
    commands."""
    lines = source.splitlines()
    return "\n".join(line for line in lines if not line.lstrip().startswith(("%", "!")))
