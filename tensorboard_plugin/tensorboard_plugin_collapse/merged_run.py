"""One run for all processes of a training: their samples together, and what the rules say of
them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from collapse_magic import rules
from collapse_magic.engine import Engine
from collapse_magic.findings import Finding
from collapse_magic.history import History
from collapse_magic.records import (
    LayerStatistics,
    LearningRate,
    LossFacts,
    LossRaised,
    LossValues,
    ModelFacts,
    NonFinite,
    OptimizerFacts,
    OutputReading,
    PredictionWindow,
    Record,
    RunStarted,
)
from collapse_magic.report import Report, plain
from collapse_magic.reporting import build_report

from .from_json import record
from .merging import Series, merged
from .rank_groups import Group

# Rules follow a training: they are asked as often as a figure of it has points to show.
MOST_UPDATES = 200


@dataclass(frozen=True, slots=True)
class RankLog:
    """What one process has logged."""

    rank: int
    report: Mapping[str, Any] | None
    facts: Mapping[str, Any]
    series: Mapping[str, Series]  # by tag


@dataclass(frozen=True, slots=True)
class MergedRun:
    """As a run of one process would look that had seen all samples."""

    report: Mapping[str, Any] | None
    facts: Mapping[str, Any]
    series: Mapping[str, Series]


def merge(group: Group, logs: Sequence[RankLog]) -> MergedRun:
    """``logs`` in the order of ranks. Raises ValueError, TypeError or KeyError where the logs
    cannot be understood."""
    reports = [Report.from_dict(log.report) for log in logs if log.report is not None]
    finished = len(reports) == len(logs) and all(report.finished for report in reports)
    # Which class is taken for which is counted over windows that do not end together.
    tags = dict.fromkeys(
        tag for log in logs for tag, series in log.series.items() if series.kind != "confusions"
    )
    series = {
        tag: merged([log.series[tag] for log in logs if tag in log.series], finished)
        for tag in tags
    }
    history = History()
    for fact in _facts(group, logs):
        history.append(fact)
    facts = {
        "run": plain(history.run),
        "models": plain(history.models()),
        "losses": plain([f for s in history.sites() if (f := history.loss_facts(s)) is not None]),
        "optimizers": plain(history.optimizers()),
        "non_finite": plain(history.non_finite()),
        "raised": plain(history.raised()),
    }
    if not reports:
        return MergedRun(None, facts, series)
    engine = Engine(_rules(reports), history)
    findings = _follow(engine, history, list(series.values()), finished)
    report = build_report(
        history,
        engine,
        [_placed(finding, reports) for finding in findings],
        run=group.name,
        steps=max(report.steps for report in reports),
        seconds=max(report.seconds for report in reports),
        cost=sum(report.cost for report in reports) / len(reports),
        logdir=reports[0].logdir,
        notes=_notes(group, logs, reports),
        finished=finished,
        class_names=history.run.class_names if history.run else None,
        with_trace=False,
    )
    epochs = [report.epochs for report in reports if report.epochs is not None]
    report = replace(report, epochs=max(epochs, default=None))
    return MergedRun(report.to_dict(), facts, series)


def _facts(group: Group, logs: Sequence[RankLog]) -> Iterator[Record]:
    """Of what every process says alike the lowest rank has the last word."""
    for log in reversed(logs):
        for name, kind in _KINDS.items():
            for data in log.facts.get(name, ()):
                yield record(kind, data)
    started = record(RunStarted, logs[0].facts["run"])
    began = max(float(log.facts["run"]["started"]) for log in logs)
    yield replace(started, run=group.name, started=began, rank=None)


_KINDS: Mapping[str, type[Record]] = {
    "models": ModelFacts,
    "losses": LossFacts,
    "optimizers": OptimizerFacts,
    "non_finite": NonFinite,
    "raised": LossRaised,
    "readings": OutputReading,
}


def _rules(reports: Sequence[Report]) -> list[Any]:
    """Those that ran in the processes; what the user left out stays out."""
    names = {
        name
        for report in reports
        for name in (*report.clear, *report.skipped, *(f.rule for f in report.findings))
    }
    return [rule for rule in rules.RULES if rule.name in names]


def _follow(
    engine: Engine, history: History, every: Sequence[Series], finished: bool
) -> tuple[Finding, ...]:
    """Lets the rules see the training in the order in which it went."""
    seen = sorted(
        ((step, order, entry) for order, s in enumerate(every) for step, entry in _records(s)),
        key=lambda each: each[:2],
    )
    windows = sum(isinstance(entry, PredictionWindow) for *_, entry in seen)
    gap, counted = max(windows // MOST_UPDATES, 1), 0
    for *_, entry in seen:
        history.append(entry)
        if isinstance(entry, PredictionWindow):
            counted += 1
            if counted % gap == 0:
                engine.update()
    return engine.update(final=finished)


def _records(series: Series) -> Iterator[tuple[int, Record]]:
    if series.kind == "predictions":
        yield from ((window.last_step, window) for window in series.windows())
        return
    steps = [int(step) for step in series.rows.steps]
    for step, row in zip(steps, series.rows.values.tolist(), strict=True):
        if series.kind == "loss":
            yield step, LossValues(series.name, (step,), (row[0],))
        elif series.kind == "learning_rate":
            yield step, LearningRate(series.name, step, tuple(row))
        elif series.kind == "layers":
            count = len(row) // 3
            parts = (tuple(row[n * count : (n + 1) * count]) for n in range(3))
            yield step, LayerStatistics(series.name, step, *parts)


def _placed(finding: Finding, reports: Sequence[Report]) -> Finding:
    """Where it stands in the code, as the processes have found; a cure only where all agree on it:
    its numbers may be those of one process' samples."""
    same = [
        other
        for report in reports
        for other in report.findings
        if (other.rule, other.site) == (finding.rule, finding.site)
    ]
    if not same:
        return finding
    agreed = all(other.fix == same[0].fix for other in same)
    return replace(finding, location=same[0].location, fix=same[0].fix if agreed else None)


def _notes(group: Group, logs: Sequence[RankLog], reports: Sequence[Report]) -> list[str]:
    notes = [f"{len(logs)} of {group.world_size} processes, put together from their logs"]
    for log, report in zip((log for log in logs if log.report is not None), reports, strict=True):
        alone = f"this is rank {log.rank} of "
        notes += [f"rank {log.rank}: {n}" for n in report.notes if not n.startswith(alone)]
    return notes
