"""Optimizers whose steps Python takes, or starts: rates as scheduled, and looks at the layers."""

from __future__ import annotations

from collections.abc import Sequence
from types import FrameType
from typing import Any, NamedTuple, cast

from ....records import LayerStatistics
from ..fit_steps import Watched
from ..optimizers import Optimizers, OptimizerWatch
from .looks import HostLook


class Rate(NamedTuple):
    """The learning rate in force at a step: the last of some numbers, which may be on their way."""

    watch: OptimizerWatch
    step: int
    numbers: Any


class HostOptimizers(Optimizers):
    """All optimizers of a run."""

    def meet(
        self, optimizer: Any, watched: Watched, variables: Sequence[Any], frame: FrameType | None
    ) -> tuple[OptimizerWatch, HostLook]:
        """An optimizer that trains this model's variables; both are told of the first time."""
        watch = self._watches.get(optimizer)
        if watch is None:
            name = self._models.names.optimizer_name(optimizer, frame)
            watch = self._watches[optimizer] = OptimizerWatch(name, optimizer)
        looks = cast("list[HostLook]", watch.looks)
        look = next((look for look in looks if look.is_of(variables)), None)
        if look is None:
            model = self._models.meet(watched.model(), frame)
            look = HostLook(model, variables, self._plan.every)
            looks.append(look)
        return watch, look

    def looked(self, look: HostLook, found: LayerStatistics) -> None:
        self._context.emit(found)
        look.gap = self._gap(look, found.step)  # type: ignore[arg-type]

    def tell_rate(self, watch: OptimizerWatch, step: int, rate: float) -> None:
        self._tell_rate(watch, step, rate)

    def flush(self) -> None:
        """Nothing is held back."""

    def check(self) -> None:
        """Nothing is lost unseen: here a relu of NaN is NaN, and so is the loss."""


def accumulated(optimizer: Any) -> int:
    """Executions that one update of an optimizer takes."""
    return getattr(optimizer, "gradient_accumulation_steps", None) or 1
