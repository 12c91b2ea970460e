"""Bounded store of what was observed, and the questions that rules ask of it.

A run of a million steps stays within a few megabytes: where a series is full its older half is
thinned, windows by merging neighbours, so the past gets coarser and the present stays as it was
measured.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import takewhile

from ..records import (
    ActivationStatistics,
    BatchTried,
    FitEnded,
    InputFacts,
    LayerStatistics,
    LearningRate,
    LossFacts,
    LossRaised,
    ModelFacts,
    ModelMode,
    NonFinite,
    OptimizerFacts,
    OutputReading,
    Phase,
    PredictionWindow,
    TrainingLoop,
    Wiring,
)
from ..statistics import WindowTotal
from .store import Store

__all__ = ["History", "WindowTotal"]

# Longer names of classes would not fit the first line of a card.
MAX_NAME = 14


class History(Store):
    """Append records in the order they were observed; ask for totals, facts and series."""

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

    def trials(self) -> tuple[BatchTried, ...]:
        """The latest of each site; none without `--probe`."""
        return tuple(self._trials.values())

    @property
    def notes(self) -> tuple[str, ...]:
        return tuple(self._notes)

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
