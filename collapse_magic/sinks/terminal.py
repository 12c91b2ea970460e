"""Cards as plain text, each printed once: for terminals, scripts and `--plain`."""

from __future__ import annotations

import sys
from typing import TextIO

from ..findings import SEVERITY_ORDER, Finding
from ..records import Record, RunStarted
from ..render.card import MOST_OPEN_CARDS, make_card, open_findings
from ..render.text import render_card, render_summary, resolved
from ..render.words import WIDTH, cut
from ..report import Report

DATA_CODES = "CM3"  # the rules about data and labels

_Key = tuple[str, str | None]  # rule, site


class TerminalSink:
    """Prints a card when a finding opens or escalates, a line when it is over, the summary last.

    Of several processes that train together rank 0 speaks. The others have the same model and
    would say the same: they only tell, in a line each, of errors in the data, which are their own.

    Parameters
        stream: where to print; standard error by default, so that a script's own output is clean.
        quiet: only the summary.
    """

    def __init__(self, stream: TextIO | None = None, *, quiet: bool = False) -> None:
        self._stream = stream
        self._quiet = quiet
        self._printed: dict[_Key, int] = {}
        self._over: set[_Key] = set()
        self._rank = 0

    def record(self, record: Record) -> None:
        if isinstance(record, RunStarted):
            self._rank = record.rank or 0

    def update(self, report: Report) -> None:
        if not self._quiet and self._rank == 0:
            for finding in open_findings(report)[:MOST_OPEN_CARDS]:
                self._show(finding, report)
            self._show_resolved(report)

    def close(self, report: Report) -> None:
        """The summary, below the cards that could not be shown before."""
        if self._rank:
            self._tell_own_errors(report)
            return
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

    def _tell_own_errors(self, report: Report) -> None:
        for finding in open_findings(report):
            if finding.severity == "error" and finding.code.startswith(DATA_CODES):
                head = make_card(finding, report).head
                self._print(cut(f"rank {self._rank}: {head}", WIDTH))

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
