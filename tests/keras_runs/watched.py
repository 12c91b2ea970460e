"""Watches a block with the probe alone, and what the records of a run add up to."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from probes.fakes import FakeContext

from collapse_magic.config import WatchConfig
from collapse_magic.probes.keras import KerasProbe
from collapse_magic.records import LossFacts, LossValues, PredictionWindow, ProbeNote


@contextmanager
def watched(
    user_file: str = "", every: int | None = None, **namespace: Any
) -> Iterator[FakeContext]:
    name = Path(user_file).name if user_file else ""
    context = FakeContext(namespace, WatchConfig(budget=1e6, every=every), user_file=name)
    probe = KerasProbe(context)
    probe.attach()
    try:
        yield context
        probe.flush()
    finally:
        probe.detach()
    notes = [note.text for note in context.of(ProbeNote)]
    assert not notes, notes


def facts(context: FakeContext) -> LossFacts:
    """The latest facts of the only site."""
    found = context.of(LossFacts)
    assert len({f.site for f in found}) == 1
    return found[-1]


def losses(context: FakeContext, site: str | None = None) -> dict[int, float]:
    """Loss by step."""
    return {
        step: value
        for record in context.of(LossValues)
        if site in (None, record.site)
        for step, value in zip(record.steps, record.values, strict=True)
    }


def counts(context: FakeContext, phase: str = "train", site: str | None = None) -> np.ndarray:
    """Labels, predictions and right ones by class, over all windows: (3, K)."""
    windows = [
        w for w in context.of(PredictionWindow) if w.phase == phase and site in (None, w.site)
    ]
    return np.sum([[w.labels, w.predicted, w.correct] for w in windows], axis=0)


def counted(scores: Any, labels: Any, classes: int) -> np.ndarray:
    """The same from scores (n, K) or probabilities (n,) and labels, by NumPy alone."""
    scores, labels = np.asarray(scores), np.asarray(labels).reshape(-1).astype(int)
    guess = (
        scores.argmax(-1) if scores.ndim > 1 and scores.shape[-1] > 1 else scores.reshape(-1) > 0.5
    )
    guess = guess.astype(int)
    kept = np.arange(classes)
    return np.array(
        [
            [(labels == k).sum() for k in kept],
            [(guess == k).sum() for k in kept],
            [((labels == k) & (guess == k)).sum() for k in kept],
        ]
    )
