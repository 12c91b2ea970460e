"""Bounded store of what was observed, and the questions that rules ask of it.

A run of a million steps stays within a few megabytes: where a series is full its older half is
thinned, windows by merging neighbours, so the past gets coarser and the present stays as it was
measured.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from itertools import takewhile

from .records import (
    ActivationStatistics,
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
from .statistics import WindowTotal, merge_windows

__all__ = ["History", "WindowTotal"]

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
# Longer names of classes would not fit the first line of a card.
MAX_NAME = 14
# A learning rate within one percent of the highest so far has stopped rising.
STILL_RISING = 1.01


class History:
    """Append records in the order they were observed; ask for totals, facts and series."""

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
            ProbeNote: self._note,
        }

    def append(self, record: Record) -> None:
        self._keep[type(record)](record)

    # -- reading: facts --------------------------------------------------------------------------

    def sites(self) -> tuple[str, ...]:
        """Places where a loss is computed, in the order they were first seen."""
        return tuple(dict.fromkeys([*self._facts, *(site for site, _ in self._windows)]))

    def loss_facts(self, site: str) -> LossFacts | None:
        """The latest facts, with the range of the targets over all that were given at this site."""
        return self._facts.get(site)

    def fitted(self, site: str) -> FitEnded | None:
        """The latest call that fitted a whole model at this site; None where steps are seen."""
        return self._fits.get(site)

    def model_facts(self, model: str | None) -> ModelFacts | None:
        return None if model is None else self._models.get(model)

    def models(self) -> tuple[ModelFacts, ...]:
        return tuple(self._models.values())

    def optimizers(self, model: str | None = None) -> tuple[OptimizerFacts, ...]:
        """The latest facts of each optimizer; with ``model`` only of those that train it."""
        every = tuple(self._optimizers.values())
        if model is None:
            return every
        return tuple(facts for facts in every if model in facts.models)

    def mode(self, model: str | None) -> ModelMode | None:
        """How the model stood when it was last seen in training."""
        return None if model is None else self._modes.get(model)

    def wirings(self) -> tuple[Wiring, ...]:
        """The latest of each model."""
        return tuple(self._wirings.values())

    def training_loops(self) -> tuple[TrainingLoop, ...]:
        """The latest of each optimizer; that of no optimizer only while none has stepped."""
        return tuple(self._loops.values())

    def inputs(self, model: str | None) -> tuple[InputFacts, ...]:
        """The latest of each layer of the model that is entered from outside."""
        return tuple(facts for facts in self._inputs.values() if facts.model == model)

    def class_name(self, site: str, index: int) -> str:
        """ "class 1", or the name that the user gave if there are as many names as classes, or that
        the labels themselves give."""
        facts = self._facts.get(site)
        names = (self.run.class_names if self.run else None) or (facts.class_names if facts else ())
        if names and index < len(names) and (facts is None or facts.classes in (0, len(names))):
            name = names[index]
            return name if len(name) <= MAX_NAME else name[: MAX_NAME - 1] + "…"
        return f"class {index}"

    # -- reading: series -------------------------------------------------------------------------

    def windows(self, site: str, phase: Phase = "train") -> tuple[PredictionWindow, ...]:
        """Oldest first; the older ones stand for more batches than the newer."""
        return tuple(self._windows.get((site, phase), ()))

    def samples(self, site: str, phase: Phase = "train") -> int:
        """Samples counted so far."""
        return self._samples.get((site, phase), 0)

    def label_counts(self, site: str, phase: Phase = "train") -> tuple[int, ...]:
        """Labels of each class over the whole run (of those batches that were counted)."""
        return tuple(self._labels.get((site, phase), ()))

    def total(self, site: str, phase: Phase, samples: int, since: int = 0) -> WindowTotal | None:
        """The last windows merged until they hold ``samples`` samples; None where there are fewer.

        Windows that begin before step ``since`` do not count.
        """
        totals = self._last_totals(site, phase, samples, since)
        return totals[0] if totals else None

    def two_totals(
        self, site: str, phase: Phase, samples: int, since: int = 0
    ) -> tuple[WindowTotal, WindowTotal] | None:
        """(the one before, the last), each of at least ``samples`` samples, without overlap."""
        totals = self._last_totals(site, phase, samples, since)
        return (totals[1], totals[0]) if len(totals) == 2 else None

    def total_until(self, site: str, phase: Phase, samples: int, step: int) -> WindowTotal | None:
        """As `total`, of the windows that ended at or before ``step``."""
        past = [kept for kept in self._windows.get((site, phase), []) if kept.last_step <= step]
        taken = _until_enough(reversed(past), samples)
        return WindowTotal.of(taken[::-1]) if taken else None

    def totals(self, site: str, phase: Phase, samples: int) -> tuple[WindowTotal, ...]:
        """The whole run in totals of at least ``samples`` samples each, oldest first.

        How many windows there are depends on the machine, and how long they last; this does less.
        """
        key = (site, phase, samples, -1)
        if key not in self._totals:
            windows = iter(self._windows.get((site, phase), []))
            parts = iter(lambda: _until_enough(windows, samples), [])
            self._totals[key] = tuple(WindowTotal.of(part) for part in parts)
        return self._totals[key]

    def loss_values(self, site: str) -> tuple[tuple[int, ...], tuple[float, ...]]:
        """The user's own loss: (steps, values); older values are means of neighbours."""
        points = self._losses.get(site, [])
        return tuple(step for step, _ in points), tuple(value for _, value in points)

    def layer_statistics(self, model: str | None) -> tuple[LayerStatistics, ...]:
        return tuple(self._layers.get(model or "", ()))

    def activation_statistics(self, model: str | None) -> tuple[ActivationStatistics, ...]:
        return tuple(self._activations.get(model or "", ()))

    def learning_rates(self, optimizer: str) -> tuple[LearningRate, ...]:
        return tuple(self._rates.get(optimizer, ()))

    def settled_step(self, model: str | None) -> int:
        """The step at which the learning rate reached its highest value so far: the warm-up is
        over.

        Schedules that fall, cycle or restart settle at their first peak; a learning rate that still
        rises settles at the latest step, so that nothing is said of the time before.
        """
        names = [facts.optimizer for facts in self.optimizers(model)]
        return max((self._peak[name][1] for name in names if name in self._peak), default=0)

    def non_finite(self) -> tuple[NonFinite, ...]:
        return tuple(self._non_finite)

    def raised(self) -> tuple[LossRaised, ...]:
        return tuple(self._raised)

    def readings(self, model: str | None) -> tuple[OutputReading, ...]:
        """Lines of the user's code that make answers of a model's outputs, in their order.

        Where one model was seen only, those of ``self`` are meant, too.
        """
        own = ("self", "self.model", "self.net") if len(self._models) <= 1 else ()
        return tuple(one for one in self._readings if one.model == model or one.model in own)

    @property
    def notes(self) -> tuple[str, ...]:
        return tuple(self._notes)

    # -- keeping ---------------------------------------------------------------------------------

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

    def _last_totals(
        self, site: str, phase: Phase, samples: int, since: int
    ) -> tuple[WindowTotal, ...]:
        """Up to two totals, the last first; kept until a new window arrives."""
        key = (site, phase, samples, since)
        if key not in self._totals:
            kept = reversed(self._windows.get((site, phase), []))
            newest_first = takewhile(lambda window: window.first_step >= since, kept)
            parts = (_until_enough(newest_first, samples) for _ in range(2))
            self._totals[key] = tuple(WindowTotal.of(part[::-1]) for part in parts if part)
        return self._totals[key]


def _until_enough(windows: Iterator[PredictionWindow], samples: int) -> list[PredictionWindow]:
    """Takes windows until they hold ``samples`` samples; empty where they never do."""
    taken: list[PredictionWindow] = []
    held = 0
    for window in windows:
        taken.append(window)
        held += window.samples
        if held >= samples:
            return taken
    return []
