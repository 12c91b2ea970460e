"""Really trains, watched by the real probe, and hands everything to history and engine."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import FrameType
from typing import Any

import torch

from collapse_magic.config import WatchConfig
from collapse_magic.engine import Engine
from collapse_magic.findings import Finding
from collapse_magic.history import History
from collapse_magic.probes.pytorch import TorchProbe
from collapse_magic.records import LossFacts, PredictionWindow, Record
from collapse_magic.rules import RULES

TICK_SECONDS = 1e-7  # so slow a clock that the schedule never looks less often


@dataclass
class Watched:
    """Everything that was said while a program trained."""

    history: History
    engine: Engine
    findings: tuple[Finding, ...] = ()
    ever: dict[str, Finding] = field(default_factory=dict)  # each rule's worst finding at any time

    @property
    def first(self) -> Finding:
        return self.findings[0]

    @property
    def alarms(self) -> dict[str, str]:
        """What was ever said at the level of a warning or above."""
        return {
            name: f"{found.severity} at step {found.first_step}: {found.message}"
            for name, found in self.ever.items()
            if found.severity != "info"
        }

    def finding(self, rule: str) -> Finding:
        return next(found for found in self.findings if found.rule == rule)


class Context:
    """What the session is to a probe."""

    def __init__(self, every: int, namespace: Mapping[str, Any]) -> None:
        self.config = WatchConfig(budget=1e6, every=every)
        self.history = History()
        self.watched = Watched(self.history, Engine(RULES, self.history))
        self._ticks = itertools.count()
        self._namespace = namespace

    def emit(self, record: Record) -> None:
        self.history.append(record)
        if isinstance(record, (PredictionWindow, LossFacts)):
            self.update()

    def update(self, final: bool = False) -> None:
        self.watched.findings = self.watched.engine.update(final)
        assert not any("rule failed" in why for why in self.watched.engine.skipped.values()), (
            self.watched.engine.skipped
        )
        for found in self.watched.findings:
            known = self.watched.ever.get(found.rule)
            if known is None or known.severity != "error":
                self.watched.ever[found.rule] = found

    def clock(self) -> float:
        return next(self._ticks) * TICK_SECONDS

    def place(self, frame: FrameType) -> tuple[int, int] | None:
        return None

    def namespace(self) -> Mapping[str, Any]:
        return self._namespace

    def first_steps_seen(self) -> None:
        self.update()

    def stop_reason(self) -> str | None:
        return None


def watch(train: Callable[[], Any], every: int = 20, seed: int = 0, **namespace: Any) -> Watched:
    """Runs ``train`` under the probe; a loss that raises is explained, everything else raises."""
    torch.set_num_threads(1)
    torch.manual_seed(seed)
    context = Context(every, namespace)
    probe = TorchProbe(context)
    probe.attach()
    try:
        train()
    except Exception as error:
        record = probe.explain(error)
        if record is None:
            raise
        context.emit(record)
    finally:
        probe.flush()
        probe.detach()
    assert context.history.notes == (), "the probe was switched off"
    context.update(final=True)
    return context.watched
