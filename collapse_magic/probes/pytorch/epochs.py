"""Epochs: whole passes over a DataLoader's data during which training was seen."""

from __future__ import annotations

from typing import Any

from ...records import EpochEnded
from ..base import ProbeContext
from .steps import StepCounter


class Epochs:
    """Counts passes per data set; several loaders in one cell make one count, the highest."""

    def __init__(self, context: ProbeContext, counter: StepCounter) -> None:
        self._context = context
        self._counter = counter
        self._began: dict[int, int] = {}  # id of the iterator -> backwards when its pass began
        self._passes: dict[int, int] = {}  # id of the data set -> whole passes with training
        self._told = 0

    def before_batch(self, iterator: Any) -> None:
        """A pass begins. Iterators that are dropped after one batch never end theirs."""
        if len(self._began) >= 64:
            self._began.pop(next(iter(self._began)))
        self._began[id(iterator)] = self._counter.backwards

    def after_pass(self, iterator: Any) -> None:
        began = self._began.pop(id(iterator), None)
        if began is None or self._counter.backwards == began:
            return
        data = id(iterator._dataset)
        if len(self._passes) >= 64 and data not in self._passes:
            self._passes.pop(next(iter(self._passes)))
        self._passes[data] = self._passes.get(data, 0) + 1
        if self._passes[data] > self._told:
            self._told = self._passes[data]
            self._context.emit(EpochEnded(self._told, max(self._counter.done, 1)))
