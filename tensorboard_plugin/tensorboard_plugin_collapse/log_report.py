"""``collapse-tb LOGDIR --report``: what the runs of a directory came to, without a server."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from typing import Any

from collapse_magic.render.text import render_report
from collapse_magic.report import Report

from .log_files import Place, event_files, size_of
from .log_page import render_page
from .merged_run import RankLog, merge
from .progress import Progress
from .rank_groups import groups
from .run_logs import LoggedRun, read_runs
from .run_summary import SEVERITIES, open_ones, worst
from .standard_summaries.derive import derive
from .standard_summaries.training import Training, trainings

__all__ = ["LoggedRun", "print_report", "read_runs"]

OK, FAILED, NOTHING_READ = 0, 1, 2
FORMS = ("text", "json", "html")


@dataclass(frozen=True, slots=True)
class Judged:
    """All runs of a directory."""

    runs: list[LoggedRun]  # watched ones, then those that were derived from other tools' summaries
    ranks: frozenset[str]  # processes of a training, which the merged run speaks for

    @property
    def shown(self) -> list[LoggedRun]:
        return [run for run in self.runs if run.ours and run.name not in self.ranks]

    @property
    def unreadable(self) -> list[LoggedRun]:
        """Logs of nobody knows what, of which damage is all that can be said."""
        return [run for run in self.runs if not run.ours]


def print_report(logdir: Place, form: str, fail_on: str) -> int:
    """Prints the reports ("text", "json" or "html"); returns the exit code."""
    progress = Progress(sum(size_of(path) for _, path in event_files(logdir)))
    try:
        read = list(read_runs(logdir, progress))
    finally:
        progress.close()
    judged = judge(read)
    reports = {run.name: run.report for run in judged.runs if run.report is not None}
    for run in judged.runs:
        for sentence in run.damaged:
            print(f"run {_short(run.name)!r}: {sentence}", file=sys.stderr)
    if form == "json":
        print(json.dumps({"runs": reports}, indent=2))
    elif form == "html":
        print(render_page(str(logdir), [*judged.shown, *judged.unreadable]))
    else:
        texts = [text(run) for run in judged.shown]
        print("\n\n".join(texts), end="\n" if texts else "")
    if not reports:
        print(_nothing(logdir, judged.runs), file=sys.stderr)
        return NOTHING_READ
    counted = [report for name, report in reports.items() if name not in judged.ranks]
    return FAILED if any(fails(report, fail_on) for report in counted) else OK


def judge(read: list[LoggedRun]) -> Judged:
    """The runs with what the rules say of those that nobody watched, and of several processes."""
    watched, ranks = with_merged([run for run in read if run.ours])
    others = [run for run in read if not run.ours]
    taken = {run.name for run in watched}
    derived = []
    for training in trainings([run.summaries for run in others]):
        name = training.name if training.name not in taken else training.runs[0]
        one = _derived(training, name)
        members = set(training.runs)
        for run in [run for run in others if run.name in members]:
            one.damaged += run.damaged
            others.remove(run)
        derived.append(one)
    damaged = [run for run in others if run.damaged]
    return Judged([*watched, *derived, *damaged], ranks)


def _derived(training: Training, name: str) -> LoggedRun:
    try:
        found = derive(training)
    except (ValueError, TypeError, KeyError, OverflowError, FloatingPointError) as error:
        return LoggedRun(name, damaged=[f"its summaries cannot be judged: {error!r}"])
    report = {**found.report, "run": name}
    return LoggedRun(name, report, dict(found.facts), True, True, list(found.left_out))


def with_merged(runs: list[LoggedRun]) -> tuple[list[LoggedRun], frozenset[str]]:
    """The runs, each training of several processes before its own; and the names of those, which
    the merged run speaks for."""
    by_name = {run.name: run for run in runs}
    members = [member for run in runs if (member := run.member) is not None]
    ranks: set[str] = set()
    for group in groups(members, by_name):
        logs = [
            RankLog(rank, run.report, run.facts or {}, run.series)
            for rank, run in ((rank, by_name[name]) for rank, name in group.members.items())
        ]
        try:
            merged = merge(group, logs)
        except (ValueError, TypeError, KeyError) as error:
            by_name[group.members[logs[0].rank]].damage(f"not put together: {error!r}")
            continue
        ranks.update(group.members.values())
        one = LoggedRun(group.name, dict(merged.report or {}) or None, dict(merged.facts), True)
        runs.insert(runs.index(by_name[group.members[logs[0].rank]]), one)
    return runs, frozenset(ranks)


def text(run: LoggedRun) -> str:
    """What a run came to, as the notebook's summary shows it."""
    name = _short(run.name)
    if run.report is None:
        return f"run {name!r}: no report yet (the run is live, or was ended from outside)"
    try:
        # without the words on how to open the log, which is at hand
        called = _short(str(run.report["run"]))
        report = Report.from_dict({**run.report, "run": called, "logdir": None})
        shown = render_report(report, watched=not run.derived)
    except Exception as error:  # a log may hold anything
        return f"run {name!r}: its report cannot be shown ({error!r})"
    # A run's directory carries a number where its name was taken before.
    return shown if run.report["run"] == run.name else f"{name}\n{shown}"


def _short(name: str, most: int = 200) -> str:
    return name if len(name) <= most else f"{name[: most - 1]}…"


def fails(report: dict[str, Any], fail_on: str) -> bool:
    """Whether an open finding is that bad."""
    severity = worst(open_ones(report))
    if fail_on == "never" or severity not in SEVERITIES:
        return False
    return SEVERITIES.index(severity) <= SEVERITIES.index(fail_on)


def _nothing(logdir: Place, runs: list[LoggedRun]) -> str:
    if any(run.ours for run in runs):
        return f"no report in {str(logdir)!r} yet"
    if not any(event_files(logdir)):
        return f"no event files in {str(logdir)!r}"
    return f"neither a watched run nor losses of a training in the event files of {str(logdir)!r}"
