"""Cells that are really run, the last one under the whole session: probe, rules, places, fixes."""

from __future__ import annotations

import linecache
import textwrap
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import FrameType
from typing import Any

import keras

from collapse_magic.config import WatchConfig
from collapse_magic.findings import Finding
from collapse_magic.report import Report
from collapse_magic.session.watch_session import WatchSession
from collapse_magic.source.mask import mask

_FILE = "<cell {}>"


class Cells:
    """Where the user's code is: cells 1, 2, 3 ... of which the last one is watched."""

    def __init__(self, cells: Mapping[int, str], variables: dict[str, Any]) -> None:
        self.cell: int | None = max(cells)
        self._cells = cells
        self._variables = variables

    def cells(self) -> Mapping[int, str]:
        return self._cells

    def namespace(self) -> Mapping[str, Any]:
        return self._variables

    def place(self, frame: FrameType) -> tuple[int, int] | None:
        files = {_FILE.format(number): number for number in self._cells}
        current: FrameType | None = frame
        while current is not None:
            if (number := files.get(current.f_code.co_filename)) is not None:
                return number, current.f_lineno
            current = current.f_back
        return None

    def release(self) -> None: ...


@dataclass
class Run:
    """What came of a notebook."""

    report: Report
    variables: dict[str, Any]
    error: Exception | None
    cells: Mapping[int, str] = field(default_factory=dict)

    @property
    def alarms(self) -> tuple[Finding, ...]:
        """What stands at the end at the level of a warning or above."""
        return tuple(
            found
            for found in self.report.findings
            if found.severity != "info" and found.resolved_step is None
        )

    @property
    def first(self) -> Finding:
        return self.report.findings[0]

    def cured(self) -> Run:
        """The same notebook with the fix of the first finding, run again from the top."""
        fix = self.first.fix
        assert fix is not None and fix.safety != "example", fix
        return run(*{**self.cells, **fix.cells}.values())


def run(*cells: str, raises: bool = False) -> Run:
    """Run the cells from the top, with the same seed each time, and watch the last one."""
    numbered = {i: textwrap.dedent(text).strip("\n") for i, text in enumerate(cells, start=1)}
    variables: dict[str, Any] = {"__name__": "__main__"}
    keras.utils.set_random_seed(0)
    for number in sorted(numbered)[:-1]:
        _execute(numbered, number, variables)
    config = WatchConfig(tensorboard=False, budget=20.0)
    session = WatchSession(config, Cells(numbered, variables))
    error: Exception | None = None
    session.start()
    try:
        _execute(numbered, max(numbered), variables)
    except Exception as raised:
        error = raised
        session.explain(raised)
        if not raises:
            raise
    finally:
        report = session.stop()
    assert not [note for note in report.notes if "cut short" in note or "off" in note], report.notes
    return Run(report, variables, error, numbered)


def _execute(cells: Mapping[int, str], number: int, variables: dict[str, Any]) -> None:
    """As a kernel does: autograph and tracebacks find the text of a cell by its file's name."""
    masked = mask(cells[number])
    assert masked is not None
    name = _FILE.format(number)
    lines = masked.text.splitlines(keepends=True)
    linecache.cache[name] = (len(masked.text), None, lines, name)
    exec(compile(masked.text, name, "exec"), variables)
