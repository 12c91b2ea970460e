"""Runs a style, plain or under a whole watched session."""

from __future__ import annotations

import functools
import gc
from collections import Counter
from dataclasses import dataclass, field
from tempfile import TemporaryDirectory
from typing import TypeVar

import keras

from collapse_magic.config import WatchConfig
from collapse_magic.records import LayerStatistics, LossValues, PredictionWindow, Record
from collapse_magic.report import Report
from collapse_magic.session.user_code import ScriptCode
from collapse_magic.session.watch_session import WatchSession

from . import STYLES
from .account import Account

R = TypeVar("R")


class RecordingSession(WatchSession):
    """A whole session, which also keeps every record."""

    def __init__(self, config: WatchConfig, code: ScriptCode) -> None:
        super().__init__(config, code)
        self.records: list[Record] = []

    def emit(self, record: Record) -> None:
        self.records.append(record)
        super().emit(record)


@dataclass
class Run:
    """One execution of a style."""

    account: Account
    alive: set[str]  # what the account had kept weakly and is still there
    records: list[Record] = field(default_factory=list)
    report: Report | None = None

    def of(self, kind: type[R]) -> list[R]:
        return [record for record in self.records if isinstance(record, kind)]

    def losses(self) -> list[tuple[str, int, float]]:
        """(site, step, value)"""
        return [
            (record.site, step, value)
            for record in self.of(LossValues)
            for step, value in zip(record.steps, record.values, strict=True)
        ]

    def labels(self, phase: str) -> Counter[int]:
        total: Counter[int] = Counter()
        for window in self.of(PredictionWindow):
            if window.phase == phase:
                total.update(dict(enumerate(window.labels)))
        return +total

    def right(self, phase: str) -> int:
        return sum(sum(w.correct) for w in self.of(PredictionWindow) if w.phase == phase)

    def norms(self) -> list[float]:
        """Of each layer's weights, after the last step."""
        last = {look.model: look for look in self.of(LayerStatistics)}
        return [norm for look in last.values() for norm in look.weight_norm]


@functools.cache
def plain(name: str) -> Run:
    return run(name, watched=False)


@functools.cache
def observed(name: str) -> Run:
    return run(name, watched=True)


def run(name: str, *, watched: bool) -> Run:
    """Run a style from fixed random states."""
    keras.utils.set_random_seed(3)
    program, account = STYLES[name].program, Account()
    records: list[Record] = []
    report = None
    if watched:
        with TemporaryDirectory() as folder:
            # Nothing is left out: every batch is counted, the layers are looked at in every step.
            config = WatchConfig(budget=1e6, every=1, logdir=folder)
            session = RecordingSession(config, ScriptCode(program.__code__.co_filename))
            session.start()
            try:
                program(account)
            finally:
                report = session.stop()
            records = session.records
    else:
        program(account)
    gc.collect()
    alive = {name for name, reference in account.kept.items() if reference() is not None}
    return Run(account, alive, records, report)
