"""The runs of a TensorBoard, and one more for every training of several processes."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from .chunks import Rows
from .merged_run import MergedRun, RankLog, merge
from .merging import Series
from .rank_groups import Group, Member, groups
from .reader import PAUSE_PER_READ, LogReader, Run, Tag, Version


@dataclass(frozen=True, slots=True)
class _Made:
    versions: object  # of all that it was made of
    run: MergedRun
    again_s: float  # not before this moment of the clock


class MergingReader:
    """As `LogReader`; a merged run is made when it is asked for, and kept until its logs change."""

    def __init__(self, reader: LogReader, clock: Callable[[], float] = time.monotonic) -> None:
        self._reader = reader
        self._clock = clock
        self._lock = threading.RLock()
        self._made: dict[tuple[str, str], _Made] = {}

    def runs(self, ctx: Any, experiment: str) -> list[Run]:
        """All runs, those that stand for several processes among them."""
        with self._lock:
            runs = self._reader.runs(ctx, experiment)
            found = _groups(runs)
            for key in [key for key in self._made if key[1] not in {group.name for group in found}]:
                del self._made[key]
            return runs + [
                run for group in found if (run := self._run(ctx, experiment, group, runs))
            ]

    def run(self, ctx: Any, experiment: str, run: str) -> Run | None:
        """One run; None where there is no such run."""
        with self._lock:
            logged = self._reader.run(ctx, experiment, run)
            if logged is not None:
                return logged
            runs = self._reader.runs(ctx, experiment)
            group = next((group for group in _groups(runs) if group.name == run), None)
            return None if group is None else self._run(ctx, experiment, group, runs)

    def series(self, ctx: Any, experiment: str, run: str, tag: str) -> Rows | None:
        """All rows of one series; None where there is no such series."""
        with self._lock:
            made = self._made.get((experiment, run))
            if made is None:
                rows = self._reader.series(ctx, experiment, run, tag)
                if rows is not None or self.run(ctx, experiment, run) is None:
                    return rows
                made = self._made.get((experiment, run))
            series = made.run.series.get(tag) if made is not None else None
            return None if series is None else series.rows

    def _run(self, ctx: Any, experiment: str, group: Group, runs: Sequence[Run]) -> Run | None:
        members = {run.name: run for run in runs if run.name in group.members.values()}
        damaged = [sentence for run in members.values() for sentence in run.damaged]
        try:
            made = self._merged(ctx, experiment, group, members)
        except (ValueError, TypeError, KeyError) as error:
            return Run(group.name, None, None, [], [*damaged, f"not put together: {error!r}"])
        series = [
            Tag(tag, each.kind, each.about, _version(each.rows))
            for tag, each in made.series.items()
        ]
        return Run(group.name, made.report, made.facts, series, damaged)

    def _merged(
        self, ctx: Any, experiment: str, group: Group, members: dict[str, Run]
    ) -> MergedRun:
        key = (experiment, group.name)
        versions = [
            (name, run.report, [(tag.name, tag.version) for tag in run.series])
            for name, run in members.items()
        ]
        known = self._made.get(key)
        if known is not None and (known.versions == versions or self._clock() < known.again_s):
            return known.run
        start = self._clock()
        logs = []
        for rank, name in group.members.items():
            run, series = members[name], {}
            for tag in run.series:
                rows = self._reader.series(ctx, experiment, name, tag.name)
                if rows is not None:
                    series[tag.name] = Series(tag.name, tag.about, rows)
            logs.append(RankLog(rank, run.report, run.facts or {}, series))
        merged = merge(group, logs)
        end = self._clock()
        # A training that runs is put together anew at most a tenth of the time.
        self._made[key] = _Made(versions, merged, end + PAUSE_PER_READ * (end - start))
        return merged


def _groups(runs: Sequence[Run]) -> list[Group]:
    members = [
        Member.of(
            run.name,
            run.facts,
            run.report,
            max((tag.version[1] for tag in run.series), default=0.0),
        )
        for run in runs
    ]
    return groups([m for m in members if m is not None], {run.name for run in runs})


def _version(rows: Rows) -> Version:
    return (int(rows.steps[-1]), float(rows.wall_times[-1])) if len(rows.steps) else (0, 0.0)
