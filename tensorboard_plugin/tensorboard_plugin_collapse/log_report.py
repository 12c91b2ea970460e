"""``collapse-tb LOGDIR --report``: what the runs of a directory came to, without a server."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from collapse_magic.report import Report

from .chunks import decode, joined
from .log_files import DamagedRecordError, event_files, records
from .merged_run import RankLog, merge
from .merging import Series
from .rank_groups import Member, groups
from .reader import PLUGIN_NAME, TEXT_KINDS
from .run_summary import SEVERITIES, open_ones, worst

OK, FAILED, NOTHING_READ = 0, 1, 2


@dataclass(slots=True)
class LoggedRun:
    """What a run's event files hold; report and facts are the last ones that can be read.

    Series are only kept of runs that are to be put together with others.
    """

    name: str
    report: dict[str, Any] | None = None
    facts: dict[str, Any] | None = None
    ours: bool = False  # holds something of ours
    damaged: list[str] = field(default_factory=list)
    series: dict[str, Series] = field(default_factory=dict)
    last_heard: float = 0.0  # s since the epoch

    @property
    def member(self) -> Member | None:
        return Member.of(self.name, self.facts, self.report, self.last_heard)


def print_report(logdir: Path, form: str, fail_on: str) -> int:
    """Prints the reports ("text" or "json"); returns the exit code."""
    runs = [run for run in read_runs(logdir) if run.ours or run.damaged]
    runs, ranks = with_merged(runs)
    reports = {run.name: run.report for run in runs if run.report is not None}
    for run in runs:
        for sentence in run.damaged:
            print(f"run {run.name!r}: {sentence}", file=sys.stderr)
    if form == "json":
        print(json.dumps({"runs": reports}, indent=2))
    else:
        texts = [_text(run) for run in runs if run.ours and run.name not in ranks]
        print("\n\n".join(texts), end="\n" if texts else "")
    if not reports:
        print(_nothing(logdir, runs), file=sys.stderr)
        return NOTHING_READ
    judged = [report for name, report in reports.items() if name not in ranks]
    return FAILED if any(_fails(report, fail_on) for report in judged) else OK


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
            by_name[group.members[logs[0].rank]].damaged.append(f"not put together: {error!r}")
            continue
        ranks.update(group.members.values())
        one = LoggedRun(group.name, dict(merged.report or {}) or None, dict(merged.facts), True)
        runs.insert(runs.index(by_name[group.members[logs[0].rank]]), one)
    return runs, frozenset(ranks)


def read_runs(logdir: Path) -> Iterator[LoggedRun]:
    """The runs below the directory, one at a time, with little in memory however long they are."""
    run: LoggedRun | None = None
    for name, path in event_files(logdir):
        if run is None or run.name != name:
            if run is not None:
                yield run
            run = LoggedRun(name)
        _read(path, run)
    if run is not None:
        yield run


def _read(path: Path, run: LoggedRun) -> None:
    try:
        with path.open("rb") as file:
            for record in records(file):
                if isinstance(record, DamagedRecordError):
                    run.damaged.append(f"{path.name} is {record}" if record.lost else f"{record}")
                else:
                    _take(record, run)
    except OSError as error:
        run.damaged.append(f"{path.name} cannot be read: {error.strerror}")


def _take(record: bytes, run: LoggedRun) -> None:
    from google.protobuf.message import DecodeError
    from tensorboard.compat.proto import event_pb2

    try:
        event: Any = event_pb2.Event.FromString(record)
    except DecodeError:
        run.damaged.append("a record is no event")
        return
    run.last_heard = max(run.last_heard, float(event.wall_time))
    for value in event.summary.value:
        if value.metadata.plugin_data.plugin_name == PLUGIN_NAME:
            run.ours = True
        if run.ours and value.tag in TEXT_KINDS:
            _take_text(value.tag, value.tensor.string_val, run)
        elif run.ours and run.member is not None:
            _take_rows(value, run)


def _take_text(kind: str, texts: Any, run: LoggedRun) -> None:
    try:
        data = json.loads(texts[0])
        if kind == "report":
            Report.from_dict(data)
        setattr(run, kind, data)
    except (IndexError, ValueError, TypeError, KeyError, AttributeError):
        run.damaged.append(f"a {kind} is damaged")


def _take_rows(value: Any, run: LoggedRun) -> None:
    """A chunk of a series; a damaged one is left out, which the tab says of it too."""
    known = run.series.get(value.tag)
    try:
        about = known.about if known else json.loads(value.metadata.plugin_data.content)
        columns = sum(int(field["size"]) for field in about["fields"])
        shape = [dim.size for dim in value.tensor.tensor_shape.dim]
        rows = decode(np.frombuffer(value.tensor.tensor_content, "<f8").reshape(shape), columns)
    except (ValueError, TypeError, KeyError):
        run.damaged.append(f"{value.tag}: rows are damaged and left out")
        return
    run.series[value.tag] = Series(value.tag, about, joined([known.rows, rows]) if known else rows)


def _text(run: LoggedRun) -> str:
    if run.report is None:
        return f"run {run.name!r}: no report yet (the run is live, or was ended from outside)"
    text = str(Report.from_dict(run.report))
    # A run's directory carries a number where its name was taken before.
    return text if run.report["run"] == run.name else f"{run.name}\n{text}"


def _fails(report: dict[str, Any], fail_on: str) -> bool:
    severity = worst(open_ones(report))
    if fail_on == "never" or severity not in SEVERITIES:
        return False
    return SEVERITIES.index(severity) <= SEVERITIES.index(fail_on)


def _nothing(logdir: Path, runs: list[LoggedRun]) -> str:
    if not runs:
        found = any(event_files(logdir))
        what = "no watched run among the event files" if found else "no event files"
        return f"{what} in {str(logdir)!r}"
    return f"no report in {str(logdir)!r} yet"
