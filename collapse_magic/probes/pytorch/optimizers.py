"""What is known of the optimizers: their settings, and their learning rates as they change."""

from __future__ import annotations

import math
from typing import Any

from ...records import LearningRate, OptimizerFacts
from ..base import ProbeContext
from .counter import StepCounter
from .layers import ModelLook
from .transfer import Transfers

# A schedule that changes the rate at every batch is told of ever more seldom.
_CHANGES_TOLD_AT_ONCE = 64


class OptimizerWatch:
    """What is known of one optimizer; the optimizer itself is held weakly."""

    def __init__(self, name: str, looks: list[ModelLook], wanted: bool) -> None:
        self.name = name
        self.looks = looks
        self.wanted = wanted
        self.steps = 0  # that were looked at
        self.compound = False  # its steps hold others, or backwards (closures)
        self.due_at = 1  # step of the run of the next full look
        self.before_seconds = 0.0
        self.first_rate: float | None = None  # of the first group, as last seen
        self.rates: tuple[float, ...] = ()
        self.settings: tuple[Any, ...] = ()
        self.changes = 0
        self.told_at = 0

    def differs(self, first_rate: Any) -> bool:
        """Whether the first group's rate is news; of one on a device only flushes tell."""
        if type(first_rate) is float:
            return first_rate != self.first_rate
        if _on_device(first_rate):
            return self.first_rate is None
        return bool(first_rate != self.first_rate)


class Rates:
    """Tells learning rates and settings of optimizers when they are new."""

    def __init__(self, context: ProbeContext, counter: StepCounter, transfers: Transfers) -> None:
        self._context = context
        self._counter = counter
        self._transfers = transfers

    def changed(self, optimizer: Any, watch: OptimizerWatch) -> None:
        watch.changes += 1
        rate = optimizer.param_groups[0]["lr"]
        watch.first_rate = math.nan if _on_device(rate) else float(rate)
        step = self._counter.current()
        gap = 1 if watch.changes <= _CHANGES_TOLD_AT_ONCE else watch.changes // 16
        if step - watch.told_at >= gap or not watch.rates:
            self.tell(optimizer, watch, step)

    def tell(self, optimizer: Any, watch: OptimizerWatch, step: int) -> None:
        """Emit the rates and, where they are new, the settings; as soon as they are known."""
        group, kind = optimizer.param_groups[0], type(optimizer).__name__
        decay, momentum = _host_number(group.get("weight_decay")), _momentum(group)

        def arrived(arrays: list[Any]) -> None:
            rates = tuple(v if isinstance(v, float) else float(v.item()) for v in arrays)
            self._known(watch, kind, step, rates, decay, momentum)

        rates = [group["lr"] for group in optimizer.param_groups]
        held = [lr.detach().clone() if _on_device(lr) else float(lr) for lr in rates]
        self._transfers.later(held, arrived)

    def _known(
        self,
        watch: OptimizerWatch,
        kind: str,
        step: int,
        rates: tuple[float, ...],
        decay: float,
        momentum: float,
    ) -> None:
        settings = (decay, len(rates))
        if settings != watch.settings:
            watch.settings = settings
            self._context.emit(
                OptimizerFacts(
                    optimizer=watch.name,
                    kind=kind,
                    step=step,
                    learning_rates=rates,
                    weight_decay=decay,
                    momentum=momentum,
                    models=tuple(look.model for look in watch.looks),
                )
            )
        if rates != watch.rates:
            watch.rates, watch.told_at = rates, step
            self._context.emit(LearningRate(watch.name, step, rates))


def _momentum(group: dict[str, Any]) -> float:
    if "momentum" in group:
        return _host_number(group["momentum"])
    betas = group.get("betas")
    return _host_number(betas[0]) if betas else 0.0


def _on_device(value: Any) -> bool:
    """Settings may be tensors: a graph that was captured can be told of a new rate by these."""
    return not getattr(value, "is_cpu", True)


def _host_number(value: Any) -> float:
    """A setting as a number; nan where it is on a device, 0 where there is none."""
    return math.nan if _on_device(value) else float(value or 0.0)
