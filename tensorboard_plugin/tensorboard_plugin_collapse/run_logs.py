"""What a run's event files hold, read once from end to end with little in memory."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import numpy as np

from collapse_magic.report import Report

from .chunks import decode, joined
from .log_files import (
    DamagedRecordError,
    Place,
    Readable,
    event_files,
    name_of,
    open_log,
    records,
)
from .merging import Series
from .rank_groups import Member
from .reader import PLUGIN_NAME, TEXT_KINDS
from .standard_summaries.points import FEWEST_POINTS, MOST_POINTS
from .standard_summaries.scalar_events import ScalarEvents
from .standard_summaries.summaries import HISTOGRAMS, SCALARS, Summaries
from .standard_summaries.values import curve_of, histogram_of, number_of

# What is said of one run; a file of a million damaged records is said once more.
MOST_SENTENCES = 10
# Series of other tools that are kept in full over all runs: 50 MB.
FULL_SERIES = 2000

Seen = Callable[[int], None]  # is told how many bytes were read


@dataclass(slots=True)
class LoggedRun:
    """What a run's event files hold; report and facts are the last ones that can be read.

    Series are only kept of runs that are to be put together with others.
    """

    name: str
    report: dict[str, Any] | None = None
    facts: dict[str, Any] | None = None
    ours: bool = False  # holds something of ours
    derived: bool = False  # from other tools' summaries: nobody watched
    damaged: list[str] = field(default_factory=list)
    series: dict[str, Series] = field(default_factory=dict)
    last_heard: float = 0.0  # s since the epoch
    summaries: Summaries = field(default_factory=lambda: Summaries(""))
    positions: dict[Place, int] = field(default_factory=dict)  # behind what was read of a file
    scalars: ScalarEvents = field(default_factory=ScalarEvents)
    plugins: dict[str, str] = field(default_factory=dict)  # of tags whose events do not name it

    @property
    def member(self) -> Member | None:
        return Member.of(self.name, self.facts, self.report, self.last_heard)

    def damage(self, sentence: str) -> None:
        if sentence in self.damaged:
            return
        if len(self.damaged) < MOST_SENTENCES:
            self.damaged.append(sentence)
        elif len(self.damaged) == MOST_SENTENCES:
            self.damaged.append("and more of that")


def read_runs(logdir: Place, seen: Seen | None = None) -> Iterator[LoggedRun]:
    """The runs below the directory, one at a time, with little in memory however long they are."""
    run: LoggedRun | None = None
    kept = 0
    for name, path in event_files(logdir):
        if run is None or run.name != name:
            if run is not None:
                kept += len(run.summaries.scalars) + len(run.summaries.histograms)
                yield run
            run = new_run(name, MOST_POINTS if kept < FULL_SERIES else FEWEST_POINTS)
        read_file(path, run, seen)
    if run is not None:
        yield run


def new_run(name: str, most_points: int = MOST_POINTS) -> LoggedRun:
    return LoggedRun(name, summaries=Summaries(name, most_points))


def read_file(path: Place, run: LoggedRun, seen: Seen | None = None) -> None:
    """Reads on from where it was left, to the last whole record."""
    start = run.positions.get(path, 0)
    try:
        with open_log(path) as file:
            file.seek(start)
            told = file if seen is None else _Told(file, seen)
            for record in records(told, run.scalars):
                if isinstance(record, DamagedRecordError):
                    text = f"{name_of(path)} is {record}" if record.lost else f"{record}"
                    run.damage(text)
                elif not run.scalars.take(record):
                    _take(record, run)
            run.positions[path] = file.tell()
    except OSError as error:
        run.damage(f"{name_of(path)} cannot be read: {error.strerror or error}")


class _Told:
    """A file that says how much of it was read."""

    def __init__(self, file: Readable, seen: Seen) -> None:
        self.seek, self.tell = file.seek, file.tell
        self._read, self._seen = file.read, seen

    def read(self, size: int, /) -> bytes:
        data = self._read(size)
        self._seen(len(data))
        return data


def _take(record: bytes, run: LoggedRun) -> None:
    try:
        event: Any = _event_type().FromString(record)
    except _decode_error():
        run.damage("a record is no event")
        return
    wall = float(event.wall_time)
    run.last_heard = max(run.last_heard, wall)
    for value in event.summary.value:
        kind = value.WhichOneof("value")
        plugin = value.metadata.plugin_data.plugin_name
        if plugin == PLUGIN_NAME or (run.ours and value.tag in run.plugins):
            _take_ours(value, run)
        elif not run.ours:
            _take_standard(value, kind, plugin, event.step, wall, run)
            if kind in ("simple_value", "tensor"):
                run.scalars.learn(record, event, run.summaries.scalars.get(value.tag))


@cache
def _event_type() -> Any:
    from tensorboard.compat.proto import event_pb2

    return event_pb2.Event


@cache
def _decode_error() -> Any:
    from google.protobuf.message import DecodeError

    return DecodeError


def _take_ours(value: Any, run: LoggedRun) -> None:
    if not run.ours:
        run.ours = True
        run.plugins.clear()
        run.scalars.forget()
        run.summaries = Summaries(run.name)  # what is beside a watched run is not looked at
    run.plugins[value.tag] = PLUGIN_NAME
    if value.tag in TEXT_KINDS:
        _take_text(value.tag, value.tensor.string_val, run)
    elif run.member is not None:
        _take_rows(value, run)


def _take_text(kind: str, texts: Any, run: LoggedRun) -> None:
    try:
        data = json.loads(texts[0])
        if kind == "report":
            Report.from_dict(data)
        elif not isinstance(data["run"], dict):
            raise TypeError("run")
        setattr(run, kind, data)
    except (IndexError, ValueError, TypeError, KeyError, AttributeError):
        run.damage(f"a {kind} is damaged")


def _take_rows(value: Any, run: LoggedRun) -> None:
    """A chunk of a series; a damaged one is left out, which the tab says of it too."""
    known = run.series.get(value.tag)
    try:
        about = known.about if known else json.loads(value.metadata.plugin_data.content)
        columns = sum(int(field["size"]) for field in about["fields"])
        shape = [dim.size for dim in value.tensor.tensor_shape.dim]
        rows = decode(np.frombuffer(value.tensor.tensor_content, "<f8").reshape(shape), columns)
    except (ValueError, TypeError, KeyError):
        run.damage(f"{value.tag}: rows are damaged and left out")
        return
    run.series[value.tag] = Series(value.tag, about, joined([known.rows, rows]) if known else rows)


def _take_standard(
    value: Any, kind: str | None, plugin: str, step: int, wall: float, run: LoggedRun
) -> None:
    tag = value.tag
    if not plugin:
        plugin = {"simple_value": SCALARS, "histo": HISTOGRAMS}.get(kind or "", "")
        plugin = plugin or run.plugins.get(tag, "")
    if not run.summaries.wants(tag, plugin):
        return
    if kind == "tensor" and tag not in run.plugins:
        run.plugins[tag] = plugin  # said by a tag's first event only
    try:
        if plugin == SCALARS:
            run.summaries.add_scalar(tag, step, wall, number_of(value, kind))
        elif plugin == HISTOGRAMS:
            size, norm = histogram_of(value, kind)
            run.summaries.add_histogram(tag, step, wall, size, norm)
        else:
            run.summaries.add_curve(tag, step, wall, curve_of(value))
    except (ValueError, TypeError, IndexError):
        run.damage(f"{tag[:80]!r}: a value of step {step:,} cannot be read")
