"""Takes records in and keeps what is asked for, in bounded memory."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import replace

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
    Phase,
    PredictionWindow,
    ProbeNote,
    Record,
    RunStarted,
    TrainingLoop,
    Wiring,
)
from ..statistics import WindowTotal, merge_windows

# 512 windows of 10 classes take about 1.5 MB; as many points as a figure can show.
CAPACITY_PER_SERIES = 512
# Plain numbers in one series: bounds the memory for a thousand classes or layers (about 32 bytes
# each).
MAX_NUMBERS_PER_SERIES = 60_000
MIN_CAPACITY = 16
# The user's own loss, a value a step; 4,096 points are more than a chart has pixels.
MAX_LOSS_POINTS = 4096
# Rare records of which the first say everything.
MAX_RARE = 64
# A learning rate within one percent of the highest so far has stopped rising.
STILL_RISING = 1.01


class Store:
    """Append records in the order they were observed."""

    def __init__(self, capacity_per_series: int = CAPACITY_PER_SERIES) -> None:
        self.capacity = max(MIN_CAPACITY, capacity_per_series)
        self.run: RunStarted | None = None
        self.steps = 0
        self.epochs: int | None = None
        self.fits = 0  # models that were fitted by a single call
        self.finished = False  # no more records will come
        self._fits: dict[str, FitEnded] = {}
        self._facts: dict[str, LossFacts] = {}
        self._target_range: dict[str, tuple[float, float]] = {}
        self._models: dict[str, ModelFacts] = {}
        self._optimizers: dict[str, OptimizerFacts] = {}
        self._modes: dict[str, ModelMode] = {}
        self._wirings: dict[str | None, Wiring] = {}
        self._loops: dict[str, TrainingLoop] = {}
        self._inputs: dict[tuple[str, str], InputFacts] = {}
        self._windows: dict[tuple[str, Phase], list[PredictionWindow]] = {}
        self._samples: dict[tuple[str, Phase], int] = {}
        self._labels: dict[tuple[str, Phase], list[int]] = {}
        self._losses: dict[str, list[tuple[int, float]]] = {}
        self._layers: dict[str, list[LayerStatistics]] = {}
        self._activations: dict[str, list[ActivationStatistics]] = {}
        self._rates: dict[str, list[LearningRate]] = {}
        self._peak: dict[str, tuple[float, int]] = {}
        self._non_finite: list[NonFinite] = []
        self._raised: deque[LossRaised] = deque(maxlen=MAX_RARE)
        self._readings: list[OutputReading] = []
        self._trials: dict[str, BatchTried] = {}
        self._notes: list[str] = []
        self._totals: dict[tuple[str, Phase, int, int], tuple[WindowTotal, ...]] = {}
        self._keep: dict[type, Callable[..., None]] = {
            RunStarted: self._run_started,
            ModelFacts: self._model_facts,
            ModelMode: self._mode,
            Wiring: self._wiring,
            TrainingLoop: self._loop,
            InputFacts: self._input,
            OptimizerFacts: self._optimizer_facts,
            LossFacts: self._loss_facts,
            LossValues: self._loss_values,
            PredictionWindow: self._prediction_window,
            LayerStatistics: self._layer_statistics,
            ActivationStatistics: self._activation_statistics,
            LearningRate: self._learning_rate,
            NonFinite: self._non_finite_seen,
            EpochEnded: self._epoch_ended,
            FitEnded: self._fit_ended,
            LossRaised: self._raised.append,
            OutputReading: self._reading,
            BatchTried: self._tried,
            ProbeNote: self._note,
        }

    def append(self, record: Record) -> None:
        self._keep[type(record)](record)

    def _run_started(self, record: RunStarted) -> None:
        self.run = record

    def _model_facts(self, record: ModelFacts) -> None:
        self._models[record.model] = record

    def _optimizer_facts(self, record: OptimizerFacts) -> None:
        self._optimizers[record.optimizer] = record
        self._see_rates(record.optimizer, record.learning_rates, record.step)

    def _mode(self, record: ModelMode) -> None:
        self._modes[record.model] = record

    def _wiring(self, record: Wiring) -> None:
        self._wirings[record.model] = record

    def _loop(self, record: TrainingLoop) -> None:
        if record.optimizer:
            self._loops.pop("", None)
        self._loops[record.optimizer] = record

    def _input(self, record: InputFacts) -> None:
        self._inputs[record.model, record.layer] = record

    def _loss_facts(self, record: LossFacts) -> None:
        low, high = self._target_range.get(record.site, (math.inf, -math.inf))
        # min and max of a nan are whatever comes first, so a nan is left out by hand
        if not math.isnan(record.target_min):
            low = min(low, record.target_min)
        if not math.isnan(record.target_max):
            high = max(high, record.target_max)
        self._target_range[record.site] = (low, high)
        # now, once: every rule asks for them at every update
        self._facts[record.site] = replace(record, target_min=low, target_max=high)

    def _loss_values(self, record: LossValues) -> None:
        points = self._losses.setdefault(record.site, [])
        points.extend(zip(record.steps, record.values, strict=True))
        self._seen(record.steps[-1] if record.steps else 0)
        while len(points) > MAX_LOSS_POINTS:
            half = len(points) // 4 * 2
            points[:half] = [
                (b[0], (a[1] + b[1]) / 2)
                for a, b in zip(points[:half:2], points[1:half:2], strict=True)
            ]

    def _prediction_window(self, record: PredictionWindow) -> None:
        key = (record.site, record.phase)
        kept = self._windows.setdefault(key, [])
        # No rule asks which class is taken for which, and it would fill the memory.
        kept.append(replace(record, confused=()) if record.confused else record)
        self._samples[key] = self._samples.get(key, 0) + record.samples
        self._totals.clear()
        counts = self._labels.get(key, [])
        if len(counts) != len(record.labels):
            counts = [0] * len(record.labels)
        self._labels[key] = [a + b for a, b in zip(counts, record.labels, strict=True)]
        self._seen(record.last_step)
        if len(kept) > self._bound(5 * len(record.labels)):
            half = len(kept) // 4 * 2
            kept[:half] = [
                merge_windows(pair) for pair in zip(kept[:half:2], kept[1:half:2], strict=True)
            ]

    def _layer_statistics(self, record: LayerStatistics) -> None:
        kept = self._layers.setdefault(record.model, [])
        kept.append(record)
        self._seen(record.step)
        if len(kept) > self._bound(3 * len(record.gradient_norm)):
            half = len(kept) // 4 * 2
            kept[:half] = kept[1:half:2]

    def _activation_statistics(self, record: ActivationStatistics) -> None:
        kept = self._activations.setdefault(record.model, [])
        kept.append(record)
        self._seen(record.step)
        if len(kept) > self._bound(5 * len(record.layers)):
            half = len(kept) // 4 * 2
            kept[:half] = kept[1:half:2]

    def _learning_rate(self, record: LearningRate) -> None:
        kept = self._rates.setdefault(record.optimizer, [])
        kept.append(record)
        self._see_rates(record.optimizer, record.learning_rates, record.step)
        if len(kept) > self._bound(len(record.learning_rates)):
            half = len(kept) // 4 * 2
            kept[:half] = kept[1:half:2]

    def _non_finite_seen(self, record: NonFinite) -> None:
        if len(self._non_finite) < MAX_RARE:
            self._non_finite.append(record)

    def _epoch_ended(self, record: EpochEnded) -> None:
        self.epochs = record.epoch
        self._seen(record.step)

    def _fit_ended(self, record: FitEnded) -> None:
        self._fits[record.site] = record
        self.fits += record.fits
        self._seen(record.step)

    def _reading(self, record: OutputReading) -> None:
        if len(self._readings) < MAX_RARE:
            self._readings.append(record)

    def _tried(self, record: BatchTried) -> None:
        self._trials[record.site] = record

    def _note(self, record: ProbeNote) -> None:
        if record.text not in self._notes and len(self._notes) < MAX_RARE:
            self._notes.append(record.text)

    def _seen(self, step: int) -> None:
        self.steps = max(self.steps, step)

    def _see_rates(self, optimizer: str, rates: Sequence[float], step: int) -> None:
        highest = max(rates, default=0.0)
        peak = self._peak.get(optimizer)
        if peak is None:
            # a rate that never changes was at its peak from the start, whenever it was first seen
            self._peak[optimizer] = (highest, 0)
        elif highest > peak[0] * STILL_RISING:
            self._peak[optimizer] = (highest, step)

    def _bound(self, numbers_per_entry: int) -> int:
        by_numbers = MAX_NUMBERS_PER_SERIES // max(1, numbers_per_entry)
        return max(MIN_CAPACITY, min(self.capacity, by_numbers))
