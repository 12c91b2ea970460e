"""Runs that nobody watched, read through TensorBoard and shown like watched ones."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from tensorboard.data import provider as data_provider

from .chunks import Rows
from .reader import ALL_POINTS, PAUSE_PER_READ, Run, Tag, Version
from .standard_summaries.derive import DerivedRun, derive
from .standard_summaries.points import MOST_POINTS
from .standard_summaries.summaries import (
    CURVES,
    HISTOGRAMS,
    SCALARS,
    Summaries,
    norm_of_buckets,
)
from .standard_summaries.training import Training, home_of, training

# An answer of the data server holds 256 MiB at most; a histogram has some KB.
TAGS_PER_REQUEST = 50
# Trainings whose series are kept, the longest unused go first: some MB each at most.
KEPT_TRAININGS = 64

_Listing = dict[str, dict[str, dict[str, Version]]]  # run -> plugin -> tag -> version


@dataclass(slots=True)
class _Made:
    versions: object
    run: DerivedRun
    again_s: float  # not before this moment of the clock
    members: frozenset[str]


class StandardReader:
    """Diagnoses runs by their standard summaries; what did not change is not read again."""

    def __init__(self, provider: Any, clock: Callable[[], float] = time.monotonic) -> None:
        self._provider = provider
        self._clock = clock
        self._lock = threading.RLock()
        self._made: dict[tuple[str, str], _Made] = {}
        self._listed: tuple[object, dict[str, _Listing], float] = (None, {}, 0.0)

    def runs(self, ctx: Any, experiment: str, taken: frozenset[str] = frozenset()) -> list[Run]:
        """All of them; ``taken`` are the runs that were watched."""
        with self._lock:
            homes = self._homes(ctx, experiment, taken)
            for key in [key for key in self._made if key[0] == experiment and key[1] not in homes]:
                del self._made[key]
            found = [self._run(ctx, experiment, name, homes[name]) for name in sorted(homes)]
            return [run for run in found if run is not None]

    def run(
        self, ctx: Any, experiment: str, run: str, taken: frozenset[str] = frozenset()
    ) -> Run | None:
        """One run; None where there is no such run."""
        with self._lock:
            members = self._homes(ctx, experiment, taken).get(run)
            return None if members is None else self._run(ctx, experiment, run, members)

    def knows(self, experiment: str, run: str) -> bool:
        """Whether it is one of those that were shown last."""
        with self._lock:
            return (experiment, run) in self._made

    def series(
        self, ctx: Any, experiment: str, run: str, tag: str, taken: frozenset[str] = frozenset()
    ) -> Rows | None:
        """All rows of one series, as they were when the run was last asked for; None where there
        is no such series."""
        with self._lock:
            if not self.knows(experiment, run):
                self.run(ctx, experiment, run, taken)
            made = self._made.get((experiment, run))
            series = made.run.series.get(tag) if made is not None else None
            return None if series is None else series.rows

    def _homes(self, ctx: Any, experiment: str, taken: frozenset[str]) -> dict[str, _Listing]:
        """The runs of each training, with the tags that are of use."""
        asked, homes, again_s = self._listed
        start = self._clock()
        if asked == (experiment, taken) and start < again_s:
            return homes
        homes = _grouped(self._list(ctx, experiment, taken), taken)
        end = self._clock()
        # Ten thousand tags take a while to list: polling stays below a tenth of a core.
        self._listed = ((experiment, taken), homes, end + PAUSE_PER_READ * (end - start))
        return homes

    def _list(self, ctx: Any, experiment: str, taken: frozenset[str]) -> _Listing:
        listing: _Listing = {}
        for plugin in (SCALARS, HISTOGRAMS, CURVES):
            ask = self._provider.list_scalars if plugin == SCALARS else self._provider.list_tensors
            for run, tags in (ask(ctx, experiment_id=experiment, plugin_name=plugin) or {}).items():
                if run in taken:
                    continue
                wants = Summaries(run).wants
                known = {
                    tag: (int(series.max_step or 0), float(series.max_wall_time or 0.0))
                    for tag, series in tags.items()
                    if wants(tag, plugin)
                }
                if known:
                    listing.setdefault(run, {})[plugin] = known
        return dict(sorted(listing.items()))

    def _run(self, ctx: Any, experiment: str, name: str, members: _Listing) -> Run | None:
        key = (experiment, name)
        made = self._made.get(key)
        if made is None or (made.versions != members and self._clock() >= made.again_s):
            start = self._clock()
            try:
                derived = derive(self._training(ctx, experiment, name, members))
            except (ValueError, TypeError, KeyError, OverflowError, IndexError) as error:
                return Run(name, None, None, [], [f"its summaries cannot be judged: {error!r}"])
            end = self._clock()
            again = end + PAUSE_PER_READ * (end - start)
            made = _Made(members, derived, again, frozenset(members))
            self._made.pop(key, None)
            self._made[key] = made
            while len(self._made) > KEPT_TRAININGS:
                del self._made[next(iter(self._made))]
        series = [
            Tag(tag, each.kind, each.about, _version(each.rows))
            for tag, each in made.run.series.items()
        ]
        return Run(name, made.run.report, made.run.facts, series, list(made.run.left_out))

    def _training(self, ctx: Any, experiment: str, name: str, members: _Listing) -> Training:
        return training(
            name, [self._read(ctx, experiment, run, plugins) for run, plugins in members.items()]
        )

    def _read(
        self, ctx: Any, experiment: str, run: str, plugins: Mapping[str, Mapping[str, Version]]
    ) -> Summaries:
        summaries = Summaries(run)
        for plugin, tags in plugins.items():
            names = list(tags)
            for start in range(0, len(names), TAGS_PER_REQUEST):
                part = names[start : start + TAGS_PER_REQUEST]
                for tag, data in self._data(ctx, experiment, run, plugin, part).items():
                    for datum in data:
                        _take(summaries, plugin, tag, datum)
        return summaries

    def _data(
        self, ctx: Any, experiment: str, run: str, plugin: str, tags: Sequence[str]
    ) -> Mapping[str, Sequence[Any]]:
        ask = self._provider.read_scalars if plugin == SCALARS else self._provider.read_tensors
        read = ask(
            ctx,
            experiment_id=experiment,
            plugin_name=plugin,
            run_tag_filter=data_provider.RunTagFilter(runs=[run], tags=tags),
            downsample=MOST_POINTS if plugin == SCALARS else ALL_POINTS,
        )
        found: Mapping[str, Sequence[Any]] = read.get(run, {})
        return found


def _grouped(listing: _Listing, taken: frozenset[str]) -> dict[str, _Listing]:
    """The runs of each training under its name."""
    homes: dict[str, _Listing] = {}
    for run, plugins in listing.items():
        homes.setdefault(home_of(run, list(plugins.get(SCALARS, ()))), {})[run] = plugins
    named: dict[str, _Listing] = {}
    for home, members in homes.items():
        alone = len(members) == 1 or home in taken
        named[next(iter(members)) if alone else home] = members
    return named


def _take(summaries: Summaries, plugin: str, tag: str, datum: Any) -> None:
    step, wall = int(datum.step), float(datum.wall_time)
    if plugin == SCALARS:
        summaries.add_scalar(tag, step, wall, float(datum.value))
    elif plugin == HISTOGRAMS:
        size, norm = norm_of_buckets(np.asarray(datum.numpy, np.float64))
        summaries.add_histogram(tag, step, wall, size, norm)
    else:
        summaries.add_curve(tag, step, wall, np.asarray(datum.numpy, np.float64))


def _version(rows: Rows) -> Version:
    return (int(rows.steps[-1]), float(rows.wall_times[-1])) if len(rows.steps) else (0, 0.0)


class AllReader:
    """Watched runs first, then those of other tools, through one set of routes."""

    def __init__(self, watched: Any, standard: StandardReader) -> None:
        self._watched = watched
        self._standard = standard

    def runs(self, ctx: Any, experiment: str) -> list[Run]:
        watched: list[Run] = self._watched.runs(ctx, experiment)
        taken = frozenset(run.name for run in watched)
        return [*watched, *self._standard.runs(ctx, experiment, taken)]

    def run(self, ctx: Any, experiment: str, run: str) -> Run | None:
        watched: Run | None = self._watched.run(ctx, experiment, run)
        if watched is not None:
            return watched
        return self._standard.run(ctx, experiment, run, self._taken(ctx, experiment))

    def series(self, ctx: Any, experiment: str, run: str, tag: str) -> Rows | None:
        if self._standard.knows(experiment, run):
            return self._standard.series(ctx, experiment, run, tag)
        rows: Rows | None = self._watched.series(ctx, experiment, run, tag)
        if rows is not None or self._watched.run(ctx, experiment, run) is not None:
            return rows
        return self._standard.series(ctx, experiment, run, tag, self._taken(ctx, experiment))

    def _taken(self, ctx: Any, experiment: str) -> frozenset[str]:
        return frozenset(run.name for run in self._watched.runs(ctx, experiment))
