"""What goes into a run's event file, and when: series, facts and reports, without any thread."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, TypeVar

from ..records import (
    ActivationStatistics,
    BatchTried,
    EpochEnded,
    FitEnded,
    InputFacts,
    LayerStatistics,
    LearningRate,
    LossFacts,
    LossRaised,
    LossValues,
    ModelFacts,
    ModelMode,
    NonFinite,
    OptimizerFacts,
    OutputReading,
    PredictionWindow,
    Record,
    RunStarted,
    TrainingLoop,
    Wiring,
)
from ..report import Report, plain
from . import rows
from .events import EventEncoder, EventFile

WIRE_VERSION = 1
# Large enough to be read in few pieces, small enough for every reader's message limit.
LARGEST_CHUNK_BYTES = 1 << 20
# A report whose findings did not change is only written again after this share of the run's time:
# so a log grows with the logarithm of the run's length, until the longest pause is reached.
REPORT_SHARE_OF_RUN = 0.02
LONGEST_REPORT_PAUSE_S = 30.0
# Of what a run should not hold at all the facts name so many, as the history does.
MOST_RARE = 64
T = TypeVar("T")


@dataclass(slots=True)
class _Tag:
    name: str
    about: str | None  # the metadata, until the first event is written
    series: rows.Series | None = None
    step: int = 0  # of the last text
    wall_time: float = 0.0  # of the last record (s)


class EventLog:
    """Collects what happens in a run; `flush` writes it. Raises OSError where that fails."""

    def __init__(self, file: EventFile, encoder: EventEncoder, run: str, started: float) -> None:
        self._file, self._encoder = file, encoder
        self._tags: dict[tuple[Any, ...], _Tag] = {}
        self._run = RunStarted(run, started, "", None, None)
        self._models: dict[str, ModelFacts] = {}
        self._model_texts: dict[str, str] = {}  # of hundreds of layers, and the same every time
        self._losses: dict[str, LossFacts] = {}
        self._optimizers: dict[str, OptimizerFacts] = {}
        self._non_finite: list[NonFinite] = []
        self._raised: list[LossRaised] = []
        self._modes: dict[str, ModelMode] = {}
        self._wirings: dict[str | None, Wiring] = {}
        self._loops: dict[str, TrainingLoop] = {}
        self._inputs: dict[tuple[str, str], InputFacts] = {}
        self._fits: dict[str, FitEnded] = {}
        self._readings: list[OutputReading] = []
        self._trials: dict[str, BatchTried] = {}
        self._facts_changed = False
        self._run_step = 0
        self._report: Report | None = None
        self._reported: tuple[object, float] | None = None  # what is open, and when (s)

    def add(self, record: Record, wall_time: float) -> None:
        """Takes one record, observed at this time (s since the epoch)."""
        match record:
            case PredictionWindow():
                self._reached(record.last_step)
                self._add_window(record, wall_time)
            case LossValues():
                self._add_losses(record, wall_time)
            case LayerStatistics():
                self._reached(record.step)
                self._add_layers(record, wall_time)
            case ActivationStatistics():
                self._reached(record.step)
                self._add_activations(record, wall_time)
            case LearningRate():
                self._reached(record.step)
                self._add_learning_rates(record, wall_time)
            case EpochEnded():
                self._add_epoch(record, wall_time)
            case _:
                self._add_facts(record)

    def _add_facts(self, record: Record) -> None:
        match record:
            case RunStarted():
                self._run, self._facts_changed = record, True
            case ModelFacts():
                self._models[record.model], self._facts_changed = record, True
                self._model_texts[record.model] = _json(plain(record))
            case LossFacts():
                self._losses[record.site], self._facts_changed = record, True
            case OptimizerFacts():
                self._optimizers[record.optimizer], self._facts_changed = record, True
            case NonFinite():
                self._facts_changed = _keep(self._non_finite, record) or self._facts_changed
            case LossRaised():
                self._facts_changed = _keep(self._raised, record) or self._facts_changed
            case ModelMode():
                self._modes[record.model], self._facts_changed = record, True
            case Wiring():
                self._wirings[record.model], self._facts_changed = record, True
            case TrainingLoop():
                if record.optimizer:
                    self._loops.pop("", None)
                self._loops[record.optimizer], self._facts_changed = record, True
            case InputFacts():
                key = (record.model, record.layer)
                self._inputs[key], self._facts_changed = record, True
            case OutputReading():
                self._facts_changed = _keep(self._readings, record) or self._facts_changed
            case BatchTried():
                self._trials[record.site], self._facts_changed = record, True
            case FitEnded():
                self._reached(record.step)
                self._fits[record.site], self._facts_changed = record, True

    def report(self, report: Report) -> None:
        """Takes the report as it stands; only the newest one is written."""
        self._report = report

    def flush(self, now: float, *, final: bool = False) -> None:
        """Writes all that is complete (at the end: all)."""
        events: list[bytes] = []
        if self._facts_changed:
            self._facts_changed = False
            events.append(self._text("facts", self._facts(), now))
        for tag in self._tags.values():
            if tag.series is not None:
                taken = tag.series.take(None if final else self._run_step)
                events.extend(self._chunks(tag, taken))
        if self._report is not None and (final or self._is_due(self._report, now)):
            self._reported = (_standing(self._report), now)
            events.append(self._text("report", _json(self._report.to_dict()), now))
            self._report = None
        if events:
            self._file.write(events)

    def close(self) -> None:
        self._file.close()

    def _reached(self, step: int) -> None:
        self._run_step = max(self._run_step, step)

    def _add_window(self, window: PredictionWindow, wall_time: float) -> None:
        classes = len(window.labels)
        facts = self._losses.get(window.site)
        names = self._run.class_names or (facts.class_names if facts else ())
        labels = names if len(names) == classes else tuple(map(str, range(classes)))
        tag = self._tag("predictions", window.site, rows.prediction_fields(labels), window.phase)
        if tag.series is None:
            tag.series = rows.Series(rows.join_windows, rows.prediction_columns)
        tag.series.add(window.last_step, wall_time, window)
        if classes > 2 and window.exclusive:
            self._add_confusions(window, labels, wall_time)

    def _add_confusions(
        self, window: PredictionWindow, labels: tuple[str, ...], wall_time: float
    ) -> None:
        fields = rows.confusion_fields(labels)
        tag = self._tag("confusions", window.site, fields, window.phase)
        if tag.series is None:
            columns = rows.confusion_columns(len(labels))
            tag.series = rows.Series(rows.join_confused, columns)
        tag.series.add(window.last_step, wall_time, window.confused)

    def _add_losses(self, losses: LossValues, wall_time: float) -> None:
        tag = self._tag("loss", losses.site, rows.loss_fields())
        if tag.series is None:
            tag.series = rows.Series(rows.join_losses, rows.loss_columns)
        # The values were taken one after the other since the last ones came in.
        first = tag.wall_time or self._run.started
        count = len(losses.steps)
        for index, (step, value) in enumerate(zip(losses.steps, losses.values, strict=True), 1):
            at = first + (wall_time - first) * index / count if first < wall_time else wall_time
            self._reached(step)
            tag.series.add(step, at, (value, 1))
        tag.wall_time = wall_time

    def _add_layers(self, layers: LayerStatistics, wall_time: float) -> None:
        count = len(layers.gradient_norm)
        facts = self._models.get(layers.model)
        names = tuple(layer.name for layer in facts.layers) if facts else ()
        labels = names if len(names) == count else None
        tag = self._tag("layers", layers.model, rows.layer_fields(count, labels))
        if tag.series is None:
            tag.series = rows.Series(rows.keep_last, rows.as_they_are)
        values = (*layers.gradient_norm, *layers.weight_norm, *layers.update_ratio)
        tag.series.add(layers.step, wall_time, values)

    def _add_activations(self, looked: ActivationStatistics, wall_time: float) -> None:
        labels = tuple(map(" ".join, zip(looked.layers, looked.kinds, strict=True)))
        tag = self._tag("activations", looked.model, rows.activation_fields(labels))
        if tag.series is None:
            tag.series = rows.Series(rows.keep_last, rows.as_they_are)
        values = (*looked.rms, *looked.dead, *map(float, looked.seen))
        tag.series.add(looked.step, wall_time, values)

    def _add_learning_rates(self, rates: LearningRate, wall_time: float) -> None:
        fields = rows.learning_rate_fields(len(rates.learning_rates))
        tag = self._tag("learning_rate", rates.optimizer, fields)
        if tag.series is None:
            tag.series = rows.Series(rows.keep_last, rows.as_they_are)
        tag.series.add(rates.step, wall_time, rates.learning_rates)

    def _add_epoch(self, ended: EpochEnded, wall_time: float) -> None:
        tag = self._tag("epochs", "", rows.epoch_fields())
        if tag.series is None:
            tag.series = rows.Series(rows.keep_last, rows.as_they_are)
        tag.series.add(ended.step, wall_time, (float(ended.epoch),))

    def _tag(
        self, kind: str, name: str, fields: tuple[rows.Field, ...] = (), phase: str | None = None
    ) -> _Tag:
        """The tag of a series. One whose columns change in number goes on under another tag."""
        key = (kind, name, phase, tuple(field.size for field in fields))
        if key not in self._tags:
            about: dict[str, Any] = {"version": WIRE_VERSION, "kind": kind}
            if fields:
                about |= {"name": name, "fields": [field.to_dict() for field in fields]}
            self._tags[key] = _Tag(self._free_tag(kind, name, phase), json.dumps(about))
        return self._tags[key]

    def _free_tag(self, kind: str, name: str, phase: str | None) -> str:
        if not name:
            return kind
        taken = {tag.name for tag in self._tags.values()}
        name = re.sub(r"[^A-Za-z0-9_.-]", "_", name)[:80]
        number = 1
        while True:
            numbered = name if number == 1 else f"{name}-{number}"
            tag = "/".join(part for part in (kind, numbered, phase) if part is not None)
            if tag not in taken:
                return tag
            number += 1

    def _facts(self) -> str:
        others = {
            "run": plain(self._run),
            "losses": plain(tuple(self._losses.values())),
            "optimizers": plain(tuple(self._optimizers.values())),
            "non_finite": plain(self._non_finite),
            "raised": plain(self._raised),
            "modes": plain(tuple(self._modes.values())),
            "wirings": plain(tuple(self._wirings.values())),
            "loops": plain(tuple(self._loops.values())),
            "inputs": plain(tuple(self._inputs.values())),
            "fits": plain(tuple(self._fits.values())),
            "readings": plain(self._readings),
            "trials": plain(tuple(self._trials.values())),
        }
        return f'{{"models": [{", ".join(self._model_texts.values())}], {_json(others)[1:]}'

    def _is_due(self, report: Report, now: float) -> bool:
        if self._reported is None:
            return True
        standing, at = self._reported
        pause = min((at - self._run.started) * REPORT_SHARE_OF_RUN, LONGEST_REPORT_PAUSE_S)
        return standing != _standing(report) or now - at >= pause or now < at

    def _text(self, kind: str, text: str, now: float) -> bytes:
        tag = self._tag(kind, "")
        tag.step += 1
        about, tag.about = tag.about, None
        return self._encoder.text(tag.name, tag.step, now, text, about)

    def _chunks(self, tag: _Tag, taken: list[tuple[float, ...]]) -> Iterator[bytes]:
        if not taken:
            return
        size = max(1, LARGEST_CHUNK_BYTES // (8 * len(taken[0])))
        for start in range(0, len(taken), size):
            part = taken[start : start + size]
            step, wall_time = int(part[-1][0]), part[-1][1]
            about, tag.about = tag.about, None
            yield self._encoder.chunk(tag.name, step, wall_time, part, about)


def _json(data: Any) -> str:
    return json.dumps(data, allow_nan=False)


def _keep(kept: list[T], record: T) -> bool:
    """Whether there was room: the first ones say everything."""
    if len(kept) < MOST_RARE:
        kept.append(record)
        return True
    return False


def _standing(report: Report) -> object:
    """What a reader of the report acts on: a change of it is written at once."""
    return [
        (f.rule, f.site, f.severity, f.resolved_step is None, f.fix is None)
        for f in report.findings
    ]
