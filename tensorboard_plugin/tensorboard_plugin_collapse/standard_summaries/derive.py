"""From a training's standard summaries to what the tab and the report show of a watched run."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from collapse_magic.engine import Engine
from collapse_magic.history import History
from collapse_magic.records import (
    LayerFacts,
    LayerStatistics,
    LearningRate,
    LossFacts,
    LossValues,
    ModelFacts,
    NonFinite,
    OptimizerFacts,
    Record,
    RunStarted,
)
from collapse_magic.report import plain
from collapse_magic.reporting import build_report
from collapse_magic.sinks import rows as wire

from ..chunks import Rows
from ..merging import Series
from .points import Line
from .rules import MARK, out_of_reach, rules_for
from .training import Layer, Metric, Training

MODEL = "model"
# What a page can show beside each other; what is left out is said.
MOST_LAYERS = 1000
MOST_SERIES = 500
TO_KNOW_MORE = "run the cell under %%watch_training to see predictions per class"


@dataclass(frozen=True, slots=True)
class DerivedRun:
    """As a watched run is read from its log."""

    report: Mapping[str, Any]
    facts: Mapping[str, Any]
    series: Mapping[str, Series]  # by tag
    left_out: Sequence[str]  # sentences


def derive(training: Training, logdir: str | None = None) -> DerivedRun:
    """The report, the facts and the series of a training."""
    layers = training.layers[:MOST_LAYERS]
    history = History()
    for record in _records(training, layers):
        history.append(record)
    engine = Engine(rules_for(training), history)
    findings = engine.update(final=True)
    began, ended = training.time
    report = build_report(
        history,
        engine,
        findings,
        run=training.name,
        steps=training.steps,
        seconds=ended - began,
        cost=0.0,
        logdir=logdir,
        notes=_notes(training),
        finished=True,
        class_names=None,
        with_trace=False,
    )
    report = replace(report, skipped={**report.skipped, **out_of_reach()})
    facts = {
        "run": plain(history.run),
        "models": plain(history.models()),
        "losses": plain([f for s in history.sites() if (f := history.loss_facts(s)) is not None]),
        "optimizers": plain(history.optimizers()),
        "non_finite": plain(history.non_finite()),
        "raised": [],
    }
    series = _series(training, layers)
    return DerivedRun(report.to_dict(), facts, series, _left_out(training, series))


def _records(training: Training, layers: Sequence[Layer]) -> Iterable[Record]:
    yield RunStarted(training.name, training.time[0], "standard summaries", None, None)
    if layers:
        facts = tuple(
            LayerFacts(layer.name, "", layer.size, math.nan, units=layer.outputs)
            for layer in layers
        )
        yield ModelFacts(MODEL, "", facts, (), (), ())
        steps, table = _layer_table(layers)
        count = len(layers)
        for step, row in zip(steps.tolist(), table.tolist(), strict=True):
            parts = (tuple(row[n * count : (n + 1) * count]) for n in range(3))
            yield LayerStatistics(MODEL, int(step), *parts)
    for metric in training.of("loss"):
        yield _loss_facts(metric, training)
        if metric.odd is not None:
            step, value = metric.odd
            yield NonFinite(metric.name, step, "loss", "", _word(value))
        line = metric.line
        steps_of = tuple(map(int, line.steps))
        yield LossValues(metric.name, steps_of, tuple(line.values.tolist()))
    odd = [(layer.odd, layer.name) for layer in layers if layer.odd is not None]
    if odd and training.site is not None:
        (step, value), name = min(odd)
        yield NonFinite(training.site, step, "weight", name, _word(value))
    for metric in training.of("learning_rate"):
        if len(metric.line):
            began = int(metric.line.steps[0])
            rates = (float(metric.line.values[0]),)
            yield OptimizerFacts(metric.name, "", began, rates, math.nan, math.nan, (MODEL,))
            for step, value in zip(metric.line.steps, metric.line.values, strict=True):
                yield LearningRate(metric.name, int(step), (float(value),))


def _loss_facts(metric: Metric, training: Training) -> LossFacts:
    return LossFacts(
        site=metric.name,
        step=int(metric.line.steps[0]) if len(metric.line) else 0,
        loss="",
        task="unknown",
        classes=training.classes,
        activations=(),
        input_shape=(),
        target_shape=(),
        target_kind="unknown",
        target_min=math.nan,
        target_max=math.nan,
        broadcast=False,
        weighted=False,
        model=MODEL if training.layers else None,
        cell=None,
        line=None,
    )


def _word(value: float) -> str:
    return "nan" if math.isnan(value) else ("inf" if value > 0 else "-inf")


def _series(training: Training, layers: Sequence[Layer]) -> dict[str, Series]:
    found: dict[str, Series] = {}
    shown = {"loss": "loss", "accuracy": "accuracy", "learning_rate": "learning_rate"}
    for role, kind in shown.items():
        metrics = training.of(role)  # type: ignore[arg-type]
        for metric in sorted(metrics, key=lambda metric: metric.phase == "eval"):  # training first
            if len(found) < MOST_SERIES and len(metric.line):
                line = metric.line
                rows = Rows(line.steps, line.walls, _float32(line.values[:, None]))
                field = {"name": kind, "size": 1}
                _keep(found, kind, metric.name, [field], rows)
    if layers:
        names = tuple(layer.name for layer in layers)
        steps, table = _layer_table(layers)
        fields = [field.to_dict() for field in wire.layer_fields(len(names), names)]
        rows = Rows(steps, _walls(layers, steps), _float32(table))
        _keep(found, "layers", MODEL, fields, rows)
    return found


def _keep(
    found: dict[str, Series], kind: str, name: str, fields: list[dict[str, Any]], rows: Rows
) -> None:
    plain_name = re.sub(r"[^A-Za-z0-9_.-]", "_", name)[:80]
    tag, number = f"{kind}/{plain_name}", 1
    while tag in found:
        number += 1
        tag = f"{kind}/{plain_name}-{number}"
    found[tag] = Series(tag, {"version": 1, "kind": kind, "name": name, "fields": fields}, rows)


def _float32(values: Any) -> Any:
    with np.errstate(over="ignore"):
        return np.ascontiguousarray(values, np.float32)


def _layer_lines(layers: Sequence[Layer]) -> list[Line]:
    return [y for layer in layers for y in (layer.gradient, layer.weight) if y is not None]


def _layer_table(layers: Sequence[Layer]) -> tuple[Any, Any]:
    """(steps, values): gradient norms, weight norms and update ratios side by side, as a watched
    run logs them; nan where nothing was written."""
    lines = _layer_lines(layers)
    steps = np.unique(np.concatenate([line.steps for line in lines]))
    count = len(layers)
    table = np.full((len(steps), 3 * count), np.nan)
    for column, layer in enumerate(layers):
        for line, start in ((layer.gradient, 0), (layer.weight, count)):
            if line is not None:
                table[np.searchsorted(steps, line.steps), start + column] = line.values
    return steps, table


def _walls(layers: Sequence[Layer], steps: Any) -> Any:
    """The wall time at each step; steps are those of some line each."""
    walls = np.zeros(len(steps))
    for line in _layer_lines(layers):
        at = np.searchsorted(steps, line.steps)
        walls[at] = np.maximum(walls[at], line.walls)
    return walls


def _notes(training: Training) -> list[str]:
    lacking = [
        word
        for word, present in (
            ("losses", bool(training.of("loss"))),
            ("an evaluation", bool(training.of("loss", "eval"))),
            ("accuracies", bool(training.of("accuracy"))),
            ("learning rates", bool(training.of("learning_rate"))),
            ("gradients", bool(training.of("gradient_norm")) or _has_gradients(training)),
        )
        if not present
    ]
    notes = [f"{MARK}; {TO_KNOW_MORE}"]
    return [*notes, f"not in this log: {', '.join(lacking)}"] if lacking else notes


def _has_gradients(training: Training) -> bool:
    return any(layer.gradient is not None for layer in training.layers)


def _left_out(training: Training, series: Mapping[str, Series]) -> list[str]:
    sentences = []
    if training.left_out:
        sentences.append(f"left out: {training.left_out:,} tags beyond the first 10,000 of a run")
    if len(training.layers) > MOST_LAYERS:
        hidden = len(training.layers) - MOST_LAYERS
        sentences.append(f"left out: {hidden:,} layers beyond the first {MOST_LAYERS:,}")
    shown = sum(1 for each in series.values() if each.kind != "layers")
    hidden = sum(m.about.role != "gradient_norm" for m in training.metrics) - shown
    if hidden > 0:
        sentences.append(f"left out: {hidden:,} series beyond the first {MOST_SERIES:,}")
    return sentences
