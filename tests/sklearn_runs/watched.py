"""Runs a program under the scikit-learn probe, and hands its records to history and engine."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from sklearn.datasets import make_classification

from collapse_magic.config import WatchConfig
from collapse_magic.engine import Engine
from collapse_magic.findings import Finding
from collapse_magic.history import History
from collapse_magic.probes.sklearn import SklearnProbe
from collapse_magic.records import ProbeNote
from collapse_magic.rules import RULES
from tests.probes.fakes import FakeContext

TICK_SECONDS = 1e-6  # of a clock that no busy machine slows down


class Watched(FakeContext):
    """A session's stand-in that diagnoses, too. Frames of test files count as the user's cell."""

    def __init__(self, budget: float = 1e6, **namespace: Any) -> None:
        ticks = itertools.count()
        super().__init__(
            namespace, WatchConfig(budget=budget), clock=lambda: next(ticks) * TICK_SECONDS
        )

    @property
    def history(self) -> History:
        history = History()
        for record in self.records:
            history.append(record)
        return history

    def findings(self) -> tuple[Finding, ...]:
        engine = Engine(RULES, self.history)
        found = engine.update(final=True)
        assert not any("rule failed" in why for why in engine.skipped.values()), engine.skipped
        return found

    @property
    def alarms(self) -> list[str]:
        return [f"{f.rule}: {f.message}" for f in self.findings() if f.severity != "info"]

    @property
    def notes(self) -> list[str]:
        return [note.text for note in self.of(ProbeNote)]


@contextmanager
def watched(budget: float = 1e6, user_file: str = "", **namespace: Any) -> Iterator[Watched]:
    context = Watched(budget, **namespace)
    context.user_file = user_file
    probe = SklearnProbe(context)
    probe.attach()
    try:
        yield context
        probe.flush()
    finally:
        probe.detach()
    assert not any("switched off" in note for note in context.notes), context.notes


def data(
    rows: int = 1000, rare: float = 0.5, separation: float = 1.0, seed: int = 0, classes: int = 2
) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """X (rows, 10) and y, of which the last class takes the share `rare`."""
    share = (1 - rare) / (classes - 1)
    X, y = make_classification(
        rows,
        10,
        n_informative=5,
        n_classes=classes,
        n_clusters_per_class=1,
        weights=[share] * (classes - 1) + [rare],
        class_sep=separation,
        flip_y=0,
        random_state=seed,
    )
    return X, y
