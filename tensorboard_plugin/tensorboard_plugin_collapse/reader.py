"""What the plugin knows of the runs: read through TensorBoard's data provider, checked, kept."""

from __future__ import annotations

import json
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from tensorboard.data import provider as data_provider

from collapse_magic.report import Report

from .chunks import DamagedChunkError, Rows, decode, joined

PLUGIN_NAME = "collapse"
WIRE_VERSION = 1
SERIES_KINDS = (
    "predictions", "confusions", "loss", "layers", "activations", "learning_rate", "epochs",
)  # fmt: skip
TEXT_KINDS = ("report", "facts")
# Stands for all points: asked for 0, a provider gives none.
ALL_POINTS = 2**31 - 1
# An answer of the data server holds 256 MiB at most, a report far less than 1 MiB.
RUNS_PER_REQUEST = 64
# A thousand layers have 3,000, ten thousand classes 50,000.
MOST_COLUMNS = 1 << 20
# Decoded series that are kept, the longest unused go first.
KEPT_BYTES = 256 << 20
# A provider gives a series whole or not at all: a live one costs more the longer it gets. It is
# only read again after so many times what that took: polling stays below a tenth of a core.
PAUSE_PER_READ = 10

Version = tuple[int, float]  # step and wall time (s) of a tag's newest event


@dataclass(frozen=True, slots=True)
class Tag:
    """One tag of a run, as its metadata describes it."""

    name: str
    kind: str
    about: Mapping[str, Any]
    version: Version

    @property
    def columns(self) -> int:
        return sum(int(field["size"]) for field in self.about.get("fields", ()))

    def to_dict(self) -> dict[str, Any]:
        """The series as the `run` route describes it."""
        data = {"tag": self.name, "kind": self.kind, "fields": self.about["fields"]}
        return {**data, "name": self.about["name"]} if "name" in self.about else data


@dataclass(frozen=True, slots=True)
class Run:
    """A run as it stands; report and facts are JSON data, or None where there are none yet."""

    name: str
    report: Mapping[str, Any] | None
    facts: Mapping[str, Any] | None
    series: Sequence[Tag]
    damaged: Sequence[str]


@dataclass(frozen=True, slots=True)
class _Text:
    version: Version
    data: Mapping[str, Any] | None
    damaged: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Series:
    version: Version
    first_wall_time: float  # of the tag's first event: another one means another file
    rows: Rows
    damaged: tuple[str, ...]
    read_again_s: float = 0.0  # not before this moment of the clock


Key = tuple[str, str, str]  # experiment, run, tag


class LogReader:
    """Reads the runs of a TensorBoard; what did not change is not read again."""

    def __init__(self, provider: Any, clock: Callable[[], float] = time.monotonic) -> None:
        self._provider = provider
        self._clock = clock
        self._lock = threading.RLock()
        self._texts: dict[Key, _Text] = {}
        self._series: OrderedDict[Key, _Series] = OrderedDict()
        self._damaged: dict[Key, tuple[Version, tuple[str, ...]]] = {}

    def runs(self, ctx: Any, experiment: str) -> list[Run]:
        """All runs that hold something of ours; series are listed, not read."""
        with self._lock:
            index, damaged = self._index(ctx, experiment)
            self._read_texts(ctx, experiment, index)
            self._forget(experiment, index)
            return [
                self._run(experiment, run, tags, damaged.get(run, ()))
                for run, tags in index.items()
            ]

    def run(self, ctx: Any, experiment: str, run: str) -> Run | None:
        """One run, all of its series checked; None where there is no such run."""
        with self._lock:
            index, damaged = self._index(ctx, experiment, run)
            if run not in index:
                return None
            self._read_texts(ctx, experiment, index)
            found = list(damaged.get(run, ()))
            for tag in index[run].values():
                if tag.kind in SERIES_KINDS:
                    found.extend(self._check(ctx, experiment, run, tag))
            return self._run(experiment, run, index[run], found)

    def series(self, ctx: Any, experiment: str, run: str, tag: str) -> Rows | None:
        """All sound rows of one series; None where there is no such series."""
        with self._lock:
            index, _ = self._index(ctx, experiment, run, tag)
            known = index.get(run, {}).get(tag)
            if known is None or known.kind not in SERIES_KINDS:
                return None
            return self._read_series(ctx, experiment, run, known).rows

    def _index(
        self, ctx: Any, experiment: str, run: str | None = None, tag: str | None = None
    ) -> tuple[dict[str, dict[str, Tag]], dict[str, list[str]]]:
        """The tags by run, and sentences on those whose metadata cannot be read."""
        listed = self._provider.list_tensors(
            ctx,
            experiment_id=experiment,
            plugin_name=PLUGIN_NAME,
            run_tag_filter=data_provider.RunTagFilter(
                runs=None if run is None else [run], tags=None if tag is None else [tag]
            ),
        )
        index: dict[str, dict[str, Tag]] = {}
        damaged: dict[str, list[str]] = {}
        for name, tags in listed.items():
            index[name] = {}
            for key, series in sorted(tags.items()):
                version = (int(series.max_step or 0), float(series.max_wall_time or 0.0))
                try:
                    index[name][key] = _described(key, series.plugin_content, version)
                except (ValueError, TypeError, KeyError, AttributeError):
                    damaged.setdefault(name, []).append(f"{key}: its description is damaged")
        return index, damaged

    def _run(
        self, experiment: str, run: str, tags: Mapping[str, Tag], damaged: Iterable[str]
    ) -> Run:
        texts = {kind: self._texts.get((experiment, run, kind)) for kind in TEXT_KINDS}
        report, facts = (text.data if text else None for text in texts.values())
        of_texts = [sentence for text in texts.values() if text for sentence in text.damaged]
        series = [tag for tag in tags.values() if tag.kind in SERIES_KINDS]
        return Run(run, report, facts, series, [*damaged, *of_texts])

    def _read_texts(
        self, ctx: Any, experiment: str, index: Mapping[str, Mapping[str, Tag]]
    ) -> None:
        """Reads the newest report and facts of the runs where there are newer ones."""
        stale = [
            run
            for run, tags in index.items()
            if any(
                kind in tags and self._known_version(experiment, run, kind) != tags[kind].version
                for kind in TEXT_KINDS
            )
        ]
        for start in range(0, len(stale), RUNS_PER_REQUEST):
            runs = stale[start : start + RUNS_PER_REQUEST]
            read = self._read(ctx, experiment, runs, TEXT_KINDS, points=1)
            for run in runs:
                for kind, data in read.get(run, {}).items():
                    if data and kind in index[run]:
                        text = self._text(ctx, experiment, run, kind, data[-1])
                        self._texts[experiment, run, kind] = text

    def _known_version(self, experiment: str, run: str, kind: str) -> Version | None:
        text = self._texts.get((experiment, run, kind))
        return text.version if text else None

    def _text(self, ctx: Any, experiment: str, run: str, kind: str, newest: Any) -> _Text:
        version = (int(newest.step), float(newest.wall_time))
        data = parsed(kind, newest)
        if data is not None:
            return _Text(version, data)
        # The newest one is damaged: an older one is better than none.
        older = self._read(ctx, experiment, [run], [kind]).get(run, {}).get(kind, ())
        sound = (data for each in reversed(older) if (data := parsed(kind, each)) is not None)
        return _Text(version, next(sound, None), (f"{kind}: number {version[0]} is damaged",))

    def _check(self, ctx: Any, experiment: str, run: str, tag: Tag) -> tuple[str, ...]:
        version, damaged = self._damaged.get((experiment, run, tag.name), (None, ()))
        if version == tag.version:
            return damaged
        return self._read_series(ctx, experiment, run, tag).damaged

    def _read_series(self, ctx: Any, experiment: str, run: str, tag: Tag) -> _Series:
        key = (experiment, run, tag.name)
        known = self._series.get(key)
        if known is None or (known.version != tag.version and self._is_due(key, known)):
            start = self._clock()
            data = self._read(ctx, experiment, [run], [tag.name]).get(run, {}).get(tag.name, ())
            known = _extended(known, tag, data)
            end = self._clock()
            known = replace(known, read_again_s=end + PAUSE_PER_READ * (end - start))
            self._series[key] = known
            self._damaged[key] = (known.version, known.damaged)
        self._series.move_to_end(key)
        kept = sum(series.rows.nbytes for series in self._series.values())
        while kept > KEPT_BYTES and len(self._series) > 1:
            _, dropped = self._series.popitem(last=False)
            kept -= dropped.rows.nbytes
        return known

    def _is_due(self, key: Key, known: _Series) -> bool:
        """Whether a series that has changed is read again; that of a finished run always is."""
        report = self._texts.get((*key[:2], "report"))
        finished = bool(report and report.data and report.data.get("finished"))
        return finished or self._clock() >= known.read_again_s

    def _read(
        self,
        ctx: Any,
        experiment: str,
        runs: Sequence[str],
        tags: Sequence[str],
        points: int = ALL_POINTS,
    ) -> Mapping[str, Mapping[str, Sequence[Any]]]:
        read: Mapping[str, Mapping[str, Sequence[Any]]] = self._provider.read_tensors(
            ctx,
            experiment_id=experiment,
            plugin_name=PLUGIN_NAME,
            run_tag_filter=data_provider.RunTagFilter(runs=runs, tags=tags),
            downsample=points,
        )
        return read

    def _forget(self, experiment: str, index: Mapping[str, object]) -> None:
        """Drops what is kept of runs that are gone."""
        for kept in (self._texts, self._series, self._damaged):
            for key in [key for key in kept if key[0] == experiment and key[1] not in index]:
                del kept[key]


def _described(name: str, content: bytes, version: Version) -> Tag:
    about = json.loads(content)
    if about["version"] != WIRE_VERSION:
        raise ValueError(f"version {about['version']}")
    tag = Tag(name, str(about["kind"]), about, version)
    if tag.kind in SERIES_KINDS and not 1 <= tag.columns <= MOST_COLUMNS:
        raise ValueError("no fields")
    return tag


def parsed(kind: str, datum: Any) -> Mapping[str, Any] | None:
    """The JSON object in an event with one string; None where it is damaged."""
    try:
        data = json.loads(datum.numpy.item())
        return data if is_sound(kind, data) else None
    except (ValueError, TypeError):
        return None


def is_sound(kind: str, data: Any) -> bool:
    """Whether it is what its kind says: a log may hold anything under our name."""
    if not isinstance(data, dict):
        return False
    if kind == "facts":
        return isinstance(data.get("run"), dict)
    try:
        report = Report.from_dict(data)
        return isinstance(report.steps, int) and report.verdict == data.get("verdict")
    except Exception:  # whatever is missing or of another type
        return False


def _extended(known: _Series | None, tag: Tag, data: Sequence[Any]) -> _Series:
    """The series with what is new in its events; damaged chunks are named and left out."""
    if not data:
        return known or _Series(tag.version, 0.0, Rows.none(tag.columns), ())
    first = float(data[0].wall_time)
    goes_on = known is not None and known.first_wall_time == first
    parts = [known.rows if known and goes_on else Rows.none(tag.columns)]
    damaged = list(known.damaged if known and goes_on else ())
    last_step = known.version[0] if known and goes_on else -1
    for datum in data:
        if datum.step <= last_step:
            continue
        try:
            parts.append(decode(datum.numpy, tag.columns))
        except DamagedChunkError as error:
            damaged.append(
                f"{tag.name}: the rows up to step {datum.step} are damaged ({error}) and left out"
            )
    newest = data[-1]
    version = (int(newest.step), float(newest.wall_time))
    return _Series(version, first, joined(parts), tuple(damaged))
