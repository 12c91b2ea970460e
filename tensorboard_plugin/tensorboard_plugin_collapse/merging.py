"""Series of several processes that train together, put together step by step."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from collapse_magic.records import Phase, PredictionWindow
from collapse_magic.sinks import rows as wire
from collapse_magic.statistics import merge_windows

from .chunks import Rows


@dataclass(frozen=True, slots=True)
class Series:
    """A series as it was logged: what its tag says of it, and its rows."""

    tag: str
    about: Mapping[str, Any]  # kind, name, fields
    rows: Rows

    @property
    def kind(self) -> str:
        return str(self.about["kind"])

    @property
    def name(self) -> str:
        return str(self.about.get("name", ""))

    @property
    def phase(self) -> Phase:
        return "eval" if self.tag.endswith("/eval") else "train"

    def windows(self) -> list[PredictionWindow]:
        """The rows of a series of predictions."""
        return [
            wire.window_of(self.name, self.phase, int(step), self._columns(values))
            for step, values in zip(self.rows.steps, self.rows.values.tolist(), strict=True)
        ]

    def _columns(self, values: Sequence[float]) -> dict[str, Sequence[float]]:
        columns, start = {}, 0
        for field in self.about["fields"]:
            columns[field["name"]] = values[start : start + field["size"]]
            start += field["size"]
        return columns


def merged(every: Sequence[Series], finished: bool) -> Series:
    """One series for those of several processes under the same tag, of the lowest rank first.

    Counts of predictions add up, losses are averaged. Layers and learning rates are the same in
    every process that holds the same model: those of the first one stand for all.
    """
    first = every[0]
    same = [
        series for series in every if series.rows.values.shape[1:] == first.rows.values.shape[1:]
    ]
    if len(same) == 1:
        return first
    if first.kind == "predictions":
        return _predictions(same, finished)
    return replace(first, rows=_means(same)) if first.kind == "loss" else first


def _means(every: Sequence[Series]) -> Rows:
    """Rows of the same step averaged; what only some processes have seen stands as it is."""
    steps, place = np.unique(
        np.concatenate([series.rows.steps for series in every]), return_inverse=True
    )
    values = np.concatenate([series.rows.values for series in every]).astype(np.float64)
    times = np.concatenate([series.rows.wall_times for series in every])
    sums = np.zeros((len(steps), values.shape[1]))
    np.add.at(sums, place, values)
    latest = np.zeros(len(steps))
    np.maximum.at(latest, place, times)
    counts = np.bincount(place, minlength=len(steps))[:, None]
    return Rows(steps, latest, (sums / counts).astype(np.float32))


def _predictions(every: Sequence[Series], finished: bool) -> Series:
    first = every[0]
    seen = [
        (window.last_step, rank, float(at), window)
        for rank, series in enumerate(every)
        for window, at in zip(series.windows(), series.rows.wall_times, strict=True)
    ]
    seen.sort(key=lambda each: each[:2])
    parts = list(_together(seen, len(every), finished))
    windows = [_one([window for *_, window in part]) for part in parts]
    columns = [wire.prediction_columns(window) for window in windows]
    width = first.rows.values.shape[1]
    labels = next(f.get("labels") for f in first.about["fields"] if f["name"] == "label_share")
    classes = len(windows[0].labels) if windows else 0
    names = tuple(labels) if labels else tuple(map(str, range(classes)))
    fields = [field.to_dict() for field in wire.prediction_fields(names)]
    about = {**first.about, "fields": fields} if windows else first.about
    return Series(
        first.tag,
        about,
        Rows(
            np.array([window.last_step for window in windows], np.float64),
            np.array([max(at for _, _, at, _ in part) for part in parts], np.float64),
            np.array(columns, np.float32).reshape(len(columns), -1 if columns else width),
        ),
    )


_Seen = tuple[int, int, float, PredictionWindow]  # last step, rank, wall time, window


def _together(seen: Sequence[_Seen], ranks: int, finished: bool) -> Iterator[list[_Seen]]:
    """Parts of the training in each of which every process has a window.

    What some have seen after the others' last window waits for theirs; at the end it goes with the
    last part.
    """
    part: list[_Seen] = []
    complete: list[list[_Seen]] = []
    for each in seen:
        part.append(each)
        if len({rank for _, rank, *_ in part}) == ranks:
            complete.append(part)
            part = []
    if part and (finished or not complete):
        complete = [*complete[:-1], [*complete[-1], *part]] if complete else [part]
    yield from complete


def _one(windows: Sequence[PredictionWindow]) -> PredictionWindow:
    """All as one. A process that counted one batch in four speaks for four."""
    least = min(window.one_in for window in windows)
    each = [_times(window, window.one_in // least) for window in windows]
    return replace(merge_windows(each), first_step=min(window.first_step for window in windows))


def _times(window: PredictionWindow, factor: int) -> PredictionWindow:
    if factor <= 1:
        return window
    return replace(
        window,
        samples=window.samples * factor,
        labels=tuple(count * factor for count in window.labels),
        predicted=tuple(count * factor for count in window.predicted),
        correct=tuple(count * factor for count in window.correct),
    )
