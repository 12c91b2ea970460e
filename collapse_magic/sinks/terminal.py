"""Cards as plain text, each printed once: for terminals, scripts and `--plain`."""

from __future__ import annotations

import sys
from typing import TextIO

from ..findings import SEVERITY_ORDER, Finding
from ..records import Record
from ..render.card import MOST_OPEN_CARDS, open_findings
from ..render.text import render_card, render_summary, resolved
from ..report import Report

_Key = tuple[str, str | None]  # rule, site


class TerminalSink:
    """Prints a card when a finding opens or escalates, a line when it is over, the summary last.

    Parameters
        stream: where to print; standard error by default, so that a script's own output is clean.
        quiet: only the summary.
    """

    def __init__(self, stream: TextIO | None = None, *, quiet: bool = False) -> None:
        self._stream = stream
        self._quiet = quiet
        self._printed: dict[_Key, int] = {}
        self._over: set[_Key] = set()

    def record(self, record: Record) -> None: ...

    def update(self, report: Report) -> None:
        if not self._quiet:
            for finding in open_findings(report)[:MOST_OPEN_CARDS]:
                self._show(finding, report)
            self._show_resolved(report)

    def close(self, report: Report) -> None:
        """The summary, below the cards that could not be shown before."""
        if not self._quiet:
            self.update(report)
        self._print(render_summary(report))

    def _show(self, finding: Finding, report: Report) -> None:
        key = finding.rule, finding.site
        weight = SEVERITY_ORDER[finding.severity]
        if self._printed.get(key, weight + 1) > weight:
            self._printed[key] = weight
            self._over.discard(key)
            self._print(render_card(finding, report))

    def _show_resolved(self, report: Report) -> None:
        for finding in report.findings:
            key = finding.rule, finding.site
            if finding.resolved_step is not None and key in self._printed and key not in self._over:
                self._over.add(key)
                self._print(resolved(finding, report))

    def _print(self, text: str) -> None:
        stream = self._stream or sys.stderr
        tqdm = sys.modules.get("tqdm")
        try:
            if tqdm is not None:
                # Clears the open progress bars, prints, and draws them again below.
                tqdm.tqdm.write(text + "\n", file=stream)
            else:
                print(text + "\n", file=stream, flush=True)
        except (OSError, ValueError):
            return  # the stream is closed: nobody is there to read
