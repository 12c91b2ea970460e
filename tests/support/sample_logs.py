"""Logs as watched runs write them, for the tests of everything that reads logs."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

from collapse_magic.findings import Evidence, Finding, Fix, Location
from collapse_magic.records import (
    ActivationStatistics,
    EpochEnded,
    LayerFacts,
    LayerStatistics,
    LearningRate,
    LossFacts,
    LossValues,
    ModelFacts,
    OptimizerFacts,
    Phase,
    PredictionWindow,
    Record,
    RunStarted,
)
from collapse_magic.report import PredictionSummary, Report
from collapse_magic.sinks.event_log import EventLog
from collapse_magic.sinks.events import EventEncoder, EventFile

STARTED = 1_760_000_000.0  # a fixed moment: logs are the same whenever they are written
STEPS_PER_WINDOW = 10
EPOCHS = 5
SECONDS_PER_STEP = 0.02

COLLAPSED = "collapsed"
HEALTHY = "healthy"
NOT_FINITE = "not-finite"
LIVE = "live"
HOSTILE = (
    "</script>\"'"  # a directory `<` with `script>"'` in it: a run name that a page must escape
)
RUNS = (COLLAPSED, HEALTHY, NOT_FINITE, LIVE, HOSTILE)

TWO = ("ham", "spam")
CLASSES = {
    COLLAPSED: TWO,
    HEALTHY: tuple(f"digit {number}" for number in range(10)),
    NOT_FINITE: TWO,
    HOSTILE: ("<b>&amp;", "\"'`</script>"),
}  # the live run has no names for its classes

CELL = """\
model = nn.Linear(2, 1)
criterion = nn.BCEWithLogitsLoss()
for epoch in range(epochs):
    for x, y in loader:
        loss = criterion(model(x).squeeze(1), y)
        loss.backward()
"""
CURED_CELL = CELL.replace(
    "nn.BCEWithLogitsLoss()", "nn.BCEWithLogitsLoss(pos_weight=torch.tensor(9.0))"
)
DIFF = """\
--- a/cell[7]
+++ b/cell[7]
@@ -1,3 +1,3 @@
 model = nn.Linear(2, 1)
-criterion = nn.BCEWithLogitsLoss()
+criterion = nn.BCEWithLogitsLoss(pos_weight=torch.tensor(9.0))
 for epoch in range(epochs):
"""


def write_sample_logs(logdir: str | Path) -> dict[str, Report | None]:
    """Writes the runs of `RUNS` below logdir; returns each one's report (None while it is live)."""
    folder = Path(logdir)
    reports: dict[str, Report | None] = {
        COLLAPSED: _report(COLLAPSED, folder, (imbalance(), one_class()), windows=64),
        HEALTHY: _report(HEALTHY, folder, (), windows=64),
        NOT_FINITE: _report(NOT_FINITE, folder, (non_finite(),), windows=12),
        LIVE: None,
        HOSTILE: _report(HOSTILE, folder, (hostile(),), windows=4),
    }
    for run in RUNS:
        write_run(folder / run, started(run), sample_records(run), reports[run])
    return reports


def started(run: str) -> float:
    """The last one is the oldest, so that the order of time is not that of the names."""
    return STARTED - 3600 * RUNS.index(run)


def sample_records(run: str) -> list[Record]:
    """What was observed in the run, in order."""
    records = {
        COLLAPSED: lambda: _records(2, windows=64, collapse=True),
        HEALTHY: lambda: _records(10, windows=64),
        NOT_FINITE: lambda: _records(2, windows=12, finite=False),
        LIVE: lambda: _records(2, windows=6),
        HOSTILE: lambda: _records(2, windows=4),
    }[run]()
    return [RunStarted(run, started(run), "torch 2.13.0", 7, CLASSES.get(run)), *records]


def write_run(
    directory: Path, started: float, records: Sequence[Record], report: Report | None
) -> Path:
    """Writes one run's event file, flushed as often as a live one is; returns its path."""
    directory.mkdir(parents=True)
    encoder = EventEncoder()
    file = EventFile(directory, encoder)
    log = EventLog(file, encoder, directory.name, started)
    now = started
    for number, record in enumerate(records):
        now = started + SECONDS_PER_STEP * _step(record)
        log.add(record, now)
        if number % 7 == 0:
            log.flush(now)
    if report is not None:
        log.report(report)
    log.flush(now, final=report is not None)
    log.close()
    return file.path


def _step(record: Record) -> int:
    match record:
        case LossValues():
            return record.steps[-1]
        case PredictionWindow():
            return record.last_step
        case LayerStatistics() | LearningRate() | ActivationStatistics() | EpochEnded():
            return record.step
    return 0


def _records(
    classes: int, *, windows: int, collapse: bool = False, finite: bool = True
) -> list[Record]:
    """A whole run: facts first, then a few records for every window of steps."""
    layers = ("0", "2", "4") if collapse or not finite else ("stem.conv", "body.conv", "head")
    records: list[Record] = [
        ModelFacts(
            "model",
            "Sequential",
            tuple(LayerFacts(name, "Linear", 64, 0.1) for name in layers),
            ("ReLU", "ReLU"),
            (),
            (),
        ),
        OptimizerFacts("optimizer", "SGD", 1, (0.1,), 0.0, 0.9, ("model",)),
        _loss_facts(classes),
    ]
    for window in range(1, windows + 1):
        last = window * STEPS_PER_WINDOW
        progress = window / windows
        steps = tuple(range(last - STEPS_PER_WINDOW + 1, last + 1))
        records.append(LossValues("cross_entropy", steps, _losses(steps, finite)))
        records.append(_window(classes, "train", last, progress, collapse, finite))
        if window % 8 == 0:
            records.append(_window(classes, "eval", last, progress, collapse, finite))
        records.append(_layer_statistics(layers, last, collapse, finite))
        records.append(_activations(layers[:2], last, progress, collapse))
        if window % 16 == 1:
            records.append(LearningRate("optimizer", last, (0.1 * 0.5 ** (window // 16),)))
        if windows > EPOCHS and EPOCHS * window // windows > EPOCHS * (window - 1) // windows:
            records.append(EpochEnded(EPOCHS * window // windows, last))
    return records


def _loss_facts(classes: int) -> LossFacts:
    return LossFacts(
        site="cross_entropy",
        step=1,
        loss="cross_entropy",
        task="multiclass",
        classes=classes,
        activations=(),
        input_shape=(64, classes),
        target_shape=(64,),
        target_kind="index",
        target_min=0.0,
        target_max=classes - 1.0,
        broadcast=False,
        weighted=False,
        model="model",
        cell=7,
        line=5,
    )


def _losses(steps: Sequence[int], finite: bool) -> tuple[float, ...]:
    if not finite:
        return tuple(0.7 if step < 5 else math.nan for step in steps)
    return tuple(0.2 + math.exp(-step / 150) * (1 + 0.1 * math.sin(step)) for step in steps)


def _window(
    count: int,
    phase: Phase,
    last: int,
    progress: float,
    collapse: bool,
    finite: bool,
) -> PredictionWindow:
    samples = 64 * STEPS_PER_WINDOW
    labels = _counts(samples, [9.0, *[1.0] * (count - 1)] if collapse else [1.0] * count)
    # A collapse: more and more of the samples are given to class 0.
    kept = 1 - progress if collapse else 0.4 + 0.55 * progress
    correct = [labels[0] if collapse else int(labels[0] * kept)]
    correct += [int(n * kept) for n in labels[1:]]
    missed = samples - sum(correct)
    predicted = list(correct)
    predicted[0 if collapse else -1] += missed
    number = 1.0 if finite else math.nan
    return PredictionWindow(
        site="cross_entropy",
        phase=phase,
        first_step=last - STEPS_PER_WINDOW + 1,
        last_step=last,
        batches=STEPS_PER_WINDOW,
        one_in=1,
        samples=samples,
        labels=tuple(labels),
        predicted=tuple(predicted),
        correct=tuple(correct),
        cross_entropy_nats=number * (0.33 if collapse else 1.2 - progress),
        mean_probability=tuple(number * n / samples for n in predicted),
        pull=tuple(number / count for _ in range(count)),
        spread=number * (1 - 0.9 * progress if collapse else 1 + progress),
        rank=number * (0.5 if collapse else 0.5 + 0.45 * progress),
        outside_unit=math.nan,
        input_row_sums_to_one=False,
        out_of_range=0,
        single_class_batches=0,
        confused=_confused(labels, correct),
    )


def _confused(labels: Sequence[int], correct: Sequence[int]) -> tuple[tuple[int, int, int], ...]:
    """What is missed is taken for the last class, and what is missed of that for the first."""
    last = len(labels) - 1
    if last == 1:
        return ()
    missed = [(c, last if c < last else 0, labels[c] - correct[c]) for c in range(last + 1)]
    return tuple(sorted((one for one in missed if one[2]), key=lambda one: -one[2]))


def _activations(
    layers: Sequence[str], step: int, progress: float, collapse: bool
) -> ActivationStatistics:
    dead = tuple(0.9 * progress if collapse else 0.02 * progress for _ in layers)
    kinds, ones = ("relu",) * len(layers), (1.0,) * len(layers)
    return ActivationStatistics("model", step, tuple(layers), kinds, ones, dead, (64,) * len(dead))


def _counts(samples: int, weights: Sequence[float]) -> list[int]:
    counts = [int(samples * weight / sum(weights)) for weight in weights]
    counts[0] += samples - sum(counts)
    return counts


def _layer_statistics(
    layers: Sequence[str], step: int, collapse: bool, finite: bool
) -> LayerStatistics:
    depth = len(layers)
    # A collapse: the gradient of the first layers vanishes, some of it is exactly zero.
    scale = 0.1 if collapse else 0.8
    gradients = [scale ** (depth - index) / (1 + step / 200) for index in range(depth)]
    if collapse and step > 320:
        gradients[0] = 0.0
    if not finite:
        gradients = [math.nan, math.inf, 1.0]
    weights = [1.0 + step / 1000 if finite else math.nan for _ in layers]
    ratios = [g * 0.1 / w for g, w in zip(gradients, weights, strict=True)]
    return LayerStatistics("model", step, tuple(gradients), tuple(weights), tuple(ratios))


def imbalance() -> Finding:
    return Finding(
        code="CM301",
        rule="class-imbalance",
        severity="error",
        confidence="likely",
        message="class spam is found in 2 of 100 cases",
        evidence=(
            Evidence(
                "labels 9.0 to 1; predictions 99.4% class ham", {"ratio": 9.0, "share": 0.994}
            ),
            Evidence("class ham makes 88% of the gradient at the logits", {"pull": 0.88}),
        ),
        first_step=320,
        last_step=640,
        location=Location(7, 2, "criterion = nn.BCEWithLogitsLoss()"),
        fix=Fix("weigh class spam by the measured ratio", "needs-review", DIFF, {7: CURED_CELL}),
        site="cross_entropy",
    )


def one_class() -> Finding:
    return Finding(
        code="CM101",
        rule="single-class-predictions",
        severity="error",
        confidence="certain",
        message="99.4% of the predictions are class ham",
        evidence=(Evidence("predictions 99.4% class ham, labels 90.0%", {"share": 0.994}),),
        first_step=300,
        last_step=640,
        location=Location(7, 6, "        loss.backward()"),
        explained_by="class-imbalance",
        site="cross_entropy",
    )


def non_finite() -> Finding:
    return Finding(
        code="CM204",
        rule="non-finite",
        severity="error",
        confidence="certain",
        message="NaN in the loss at step 5",
        evidence=(Evidence("first NaN at step 5, in the loss", {"loss": math.nan}),),
        first_step=5,
        last_step=120,
        fix=Fix("clip the gradients", "example", "+ clip_grad_norm_(model.parameters(), 1.0)\n"),
        site="cross_entropy",
    )


def hostile() -> Finding:
    return Finding(
        code="CM306",
        rule="labels-out-of-range",
        severity="warning",
        confidence="certain",
        message="labels </script><img src=x onerror=alert(1)> are out of range",
        evidence=(Evidence("largest label 2, classes 2 <!-- \"'", {"largest": 2.0}),),
        first_step=1,
        last_step=40,
        resolved_step=None,
        location=Location(7, 5, "loss = criterion(model(x), '</script>')"),
        site="</script>",
    )


def _prediction_summary(run: str) -> PredictionSummary:
    """As the records; the second class of the hostile run was not met, so its recall is unknown."""
    classes = CLASSES.get(run, ("0", "1"))
    shares: tuple[float, ...] = (0.9, 0.1)
    predicted: tuple[float, ...] = (0.89, 0.11)
    recall: tuple[float, ...] = (0.96, 0.8)
    if run == COLLAPSED:
        predicted, recall = (0.994, 0.006), (1.0, 0.02)
    elif run == HEALTHY:
        shares = predicted = (0.1,) * len(classes)
        recall = (0.95,) * len(classes)
    elif run == HOSTILE:
        shares, predicted, recall = (1.0, 0.0), (0.96, 0.04), (0.96, math.nan)
    return PredictionSummary("cross_entropy", "train", classes, 640, shares, predicted, recall)


def _report(run: str, folder: Path, findings: tuple[Finding, ...], *, windows: int) -> Report:
    collapsed = run == COLLAPSED
    return Report(
        run=run,
        steps=windows * STEPS_PER_WINDOW,
        epochs=None if run == HOSTILE else EPOCHS,
        seconds=windows * STEPS_PER_WINDOW * SECONDS_PER_STEP,
        cost=0.008,
        collapsed=collapsed,
        findings=findings,
        clear=("double-activation", "vanishing-gradients"),
        skipped={"train-eval-gap": "no validation data"},
        logdir=str(folder),
        predictions=(_prediction_summary(run),),
        notes=("counted 1 of 4 batches",) if collapsed else (),
    )
