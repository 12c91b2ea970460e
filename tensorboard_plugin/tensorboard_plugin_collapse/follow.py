"""``collapse-tb LOGDIR --follow``: findings of a growing log directory, as they come."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from collapse_magic.findings import Finding
from collapse_magic.render.text import render_card
from collapse_magic.render.words import WIDTH, wrap
from collapse_magic.report import Report

from .log_files import Place, event_files, size_of
from .log_report import FAILED, OK, fails, judge
from .run_logs import LoggedRun, new_run, read_file

POLL_S = 1.0
# Rules are asked anew for a run at most a tenth of the time, however long its log gets.
PAUSE_PER_JUDGING = 10

_Key = tuple[str, str, str | None]  # run, rule, site


@dataclass(frozen=True, slots=True)
class News:
    """A finding that is new, has become worse, or is over."""

    run: str
    finding: Finding
    report: Report
    watched: bool = True

    def text(self) -> str:
        """A card; of what another finding explains a sentence, for that one is to be cured."""
        finding = self.finding
        if finding.explained_by is None:
            said = render_card(finding, self.report, self.watched)
        else:
            what = f"{finding.severity}[{finding.code}] {finding.rule}: {finding.message}"
            said = "\n".join(wrap(f"{what}, probably explained by {finding.explained_by}", WIDTH))
        return f"run {self.run[:200]!r}\n{said}"

    def to_json(self) -> str:
        """One line."""
        findings = self.report.to_dict()["findings"]
        place = self.report.findings.index(self.finding)
        return json.dumps({"run": self.run, "finding": findings[place]}, allow_nan=False)


class Follower:
    """Reads what is new in a log directory; what was read is not read again."""

    def __init__(self, logdir: Place) -> None:
        self._logdir = logdir
        self._runs: dict[str, LoggedRun] = {}
        self._told: dict[_Key, tuple[str, bool]] = {}  # severity, whether it is over
        self._said: set[tuple[str, str]] = set()  # run, damage
        self.reports: Mapping[str, dict[str, Any]] = {}

    def poll(self) -> tuple[list[News], list[str]]:
        """(findings, sentences on what cannot be read) that were not told before."""
        if not self._read():
            return [], []
        judged = judge(list(self._runs.values()))
        self.reports = {run.name: run.report for run in judged.shown if run.report is not None}
        news = [each for run in judged.shown for each in self._news(run)]
        damage = [
            f"run {run.name[:200]!r}: {sentence}"
            for run in judged.runs
            for sentence in run.damaged
            if (run.name, sentence) not in self._said
        ]
        self._said |= {(run.name, s) for run in judged.runs for s in run.damaged}
        return news, damage

    def _read(self) -> bool:
        """Whether anything is new."""
        grown = False
        present: set[str] = set()
        for name, path in event_files(self._logdir):
            present.add(name)
            run = self._runs.get(name)
            size = size_of(path)
            if run is not None and size < run.positions.get(path, 0):
                run = None  # written anew under the same name
            if run is None:
                run = self._runs[name] = new_run(name)
            if size > run.positions.get(path, -1):
                before = run.positions.get(path)
                read_file(path, run)
                grown = grown or run.positions.get(path) != before
        for name in [name for name in self._runs if name not in present]:
            del self._runs[name]  # deleted while it was followed
        return grown

    def _news(self, run: LoggedRun) -> Iterator[News]:
        try:
            report = Report.from_dict(run.report or {})
        except (ValueError, TypeError, KeyError):
            return
        for finding in report.findings:
            key = (run.name, finding.rule, finding.site)
            state = (finding.severity, finding.resolved_step is not None)
            if self._told.get(key) != state and not (state[1] and key not in self._told):
                self._told[key] = state
                yield News(run.name, finding, report, watched=not run.derived)


def follow(logdir: Place, form: str, fail_on: str) -> int:
    """Prints findings until Ctrl-C, or until one is as bad as ``fail_on``; the exit code."""
    follower = Follower(logdir)
    try:
        while True:
            began = time.monotonic()
            news, damage = follower.poll()
            for each in news:
                print(each.to_json() if form == "json" else f"{each.text()}\n", flush=True)
            for sentence in damage:
                print(sentence, flush=True)
            if any(fails(report, fail_on) for report in follower.reports.values()):
                return FAILED
            time.sleep(max(POLL_S, PAUSE_PER_JUDGING * (time.monotonic() - began)))
    except KeyboardInterrupt:
        return OK
