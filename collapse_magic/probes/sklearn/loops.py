"""`partial_fit` loops: each call is a step, and its batch is looked at before it is learned."""

from __future__ import annotations

import numpy as np

from ...records import LossValues, PredictionWindow, Record
from .looking import Array, Outputs
from .windows import window

BATCHES = 64  # in one window


class Batches:
    """What one site's counted batches were answered with, until they make a window."""

    def __init__(self, site: str) -> None:
        self._site = site
        self._steps: list[int] = []
        self._outputs: list[Outputs] = []
        self._labels: list[Array] = []
        self._losses: list[tuple[int, float]] = []

    @property
    def full(self) -> bool:
        return len(self._steps) >= BATCHES

    def add(self, step: int, outputs: Outputs, labels: Array) -> None:
        self._steps.append(step)
        self._outputs.append(outputs)
        self._labels.append(labels[: len(outputs.predicted)])

    def add_loss(self, step: int, value: float) -> None:
        self._losses.append((step, value))

    def take(self, one_in: int) -> list[Record]:
        """The records of what was gathered, which is forgotten."""
        records: list[Record] = []
        if self._losses:
            steps, values = zip(*self._losses, strict=True)
            records.append(LossValues(self._site, steps, values))
        made = self._window(one_in)
        if made is not None:
            records.append(made)
        self._steps, self._outputs, self._labels, self._losses = [], [], [], []
        return records

    def _window(self, one_in: int) -> PredictionWindow | None:
        classes = {outputs.scores.shape[1] for outputs in self._outputs}
        if len(classes) != 1:
            return None
        gathered = Outputs(
            np.concatenate([outputs.predicted for outputs in self._outputs]),
            np.concatenate([outputs.scores for outputs in self._outputs]),
            all(outputs.probabilities for outputs in self._outputs),
        )
        return window(
            self._site,
            gathered,
            np.concatenate(self._labels),
            steps=(self._steps[0], self._steps[-1]),
            batches=len(self._steps),
            one_in=one_in,
            single=sum(len(set(labels.tolist())) == 1 for labels in self._labels),
        )
