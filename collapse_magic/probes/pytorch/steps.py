"""Counting optimizer steps, and what is looked at around them."""

from __future__ import annotations

import functools
import weakref
from types import FrameType
from typing import Any

from ...records import LayerStatistics, LearningRate, NonFinite, OptimizerFacts
from .. import schedule
from ..base import ProbeContext
from ..schedule import Schedule
from . import device_looks, layers
from .device_looks import DeviceLook
from .layers import ModelLook
from .names import Model, Names
from .transfer import Transfers

# Backwards without any optimizer step after which the loop is taken to update its weights by hand.
_BACKWARDS_BEFORE_STEPLESS = 16
# A schedule that changes the rate at every batch is told of ever more seldom.
_CHANGES_TOLD_AT_ONCE = 64


class StepCounter:
    """The number of the current step: optimizer steps where there are any, else backwards.

    As long as neither is sure, `now` hands out provisional (negative) numbers that `known` settles.
    """

    def __init__(self) -> None:
        self.backwards = 0
        self.taken = 0  # optimizer steps
        self._by_hand = 0  # backwards counted as steps

    @property
    def done(self) -> int:
        """Finished steps of the run so far."""
        return self._by_hand + self.taken if self.taken else self.backwards

    @property
    def settled(self) -> bool:
        return self.taken > 0 or self.backwards > _BACKWARDS_BEFORE_STEPLESS

    def now(self) -> int:
        if self.taken:
            return self._by_hand + self.taken + 1
        if self.backwards > _BACKWARDS_BEFORE_STEPLESS:
            return self.backwards
        return -max(self.backwards, 1)

    def step(self) -> None:
        """An optimizer has stepped."""
        if not self.taken and self.backwards > _BACKWARDS_BEFORE_STEPLESS:
            self._by_hand = self.backwards - 1  # the backwards so far were steps of their own
        self.taken += 1

    def current(self) -> int:
        """`now` for a record that cannot wait: before any step is sure, step 1."""
        return max(self.now(), 1)

    def known(self, step: int) -> int:
        if step > 0:
            return step
        return 1 if self.taken and not self._by_hand else -step


class OptimizerWatch:
    """What is known of one optimizer; the optimizer itself is held weakly."""

    def __init__(self, name: str, looks: list[ModelLook], wanted: bool) -> None:
        self.name = name
        self.looks = looks
        self.wanted = wanted
        self.steps = 0
        self.due_at = 1
        self.before_seconds = 0.0
        self.first_rate: float | None = None  # of the first group, as last seen
        self.rates: tuple[float, ...] = ()
        self.settings: tuple[Any, ...] = ()
        self.changes = 0
        self.told_at = 0


class Steps:
    """The hooks around every optimizer's step."""

    def __init__(
        self,
        context: ProbeContext,
        names: Names,
        plan: Schedule,
        counter: StepCounter,
        transfers: Transfers,
    ) -> None:
        self._context = context
        self._names = names
        self._plan = plan
        self._torch = transfers.torch
        self._transfers = transfers
        self.counter = counter
        self._watches: dict[int, tuple[Any, OptimizerWatch]] = {}
        self._depth = 0
        self._looking: OptimizerWatch | None = None
        self._on_device: list[DeviceLook] = []  # of the step that is under way
        self._last_look: dict[int, tuple[float, float, int]] = {}
        self._gradient_told: set[str] = set()

    def passes_before(self, optimizer: Any) -> bool:
        """Whether nothing is due before this step; then it has been noted."""
        known = self._watches.get(id(optimizer))
        if known is None or self._depth:
            return False
        watch = known[1]
        if watch.wanted and (
            watch.steps + 1 >= watch.due_at or optimizer.param_groups[0]["lr"] != watch.first_rate
        ):
            return False
        watch.steps += 1
        self._depth = 1
        return True

    def passes_after(self) -> bool:
        """Whether a plain step has ended around which nothing was due; then it has been counted."""
        if self._depth != 1 or self._looking is not None or not self.counter.taken:
            return False
        self._depth = 0
        self.counter.taken += 1
        return True

    def before(self, optimizer: Any, caller: FrameType) -> None:
        """Pre-step hook; `caller` is the frame of torch's wrapper around `step`."""
        if self._depth:
            self._depth = _enclosing(caller)  # a step that raised left its count behind
            self._looking = self._looking if self._depth else None
        self._depth += 1
        if self._depth > 1:
            return
        known = self._watches.get(id(optimizer))
        watch = known[1] if known is not None else self._meet(optimizer, caller)
        watch.steps += 1
        if watch.wanted:
            if optimizer.param_groups[0]["lr"] != watch.first_rate:
                self._rates_changed(optimizer, watch)
            if watch.steps >= watch.due_at:
                self._look(watch)

    def after(self) -> bool:
        """Post-step hook; True where a step of the run has just ended."""
        self._depth = max(self._depth - 1, 0)
        if self._depth:
            return False
        if self._looking is not None:
            looking, self._looking = self._looking, None
            self._looked(looking)
        self.counter.step()
        return True

    def flush(self) -> None:
        """Tell of learning rates that have changed without being told."""
        for reference, watch in list(self._watches.values()):
            optimizer = reference()
            if optimizer is not None and watch.wanted:
                self._tell_rates(optimizer, watch, max(self.counter.done, 1))

    def clear(self) -> None:
        self._watches.clear()
        self._depth, self._looking = 0, None

    # -- meeting an optimizer ---------------------------------------------------------------------

    def _meet(self, optimizer: Any, frame: FrameType) -> OptimizerWatch:
        name = self._names.optimizer_name(optimizer, frame)
        parameters = [p for group in optimizer.param_groups for p in group["params"]]
        held = {id(p) for p in parameters}
        wanted = any(self._names.wanted(p) for p in parameters)
        looks: list[ModelLook] = []
        covered: set[int] = set()
        for parameter in parameters if wanted else ():
            if id(parameter) in covered:
                continue
            model = self._names.model_of(parameter, frame)
            if model is None:
                continue
            found = layers.layers_of(model.module())
            looks.append(ModelLook(model.name, found, held))
            covered.update(id(p) for layer in found for p in layer.parameters)
        if wanted and not looks and self._context.config.model is None and len(parameters) <= 1000:
            facts, bare = layers.bare_facts(self._names.unique("parameters"), parameters)
            self._context.emit(facts)
            looks.append(ModelLook(facts.model, bare, held))
        report_models(self._names, self._context, self._torch)
        watch = OptimizerWatch(name, looks, wanted)
        watches, key = self._watches, id(optimizer)
        watches[key] = (weakref.ref(optimizer, lambda _: watches.pop(key, None)), watch)
        return watch

    # -- learning rates ---------------------------------------------------------------------------

    def _rates_changed(self, optimizer: Any, watch: OptimizerWatch) -> None:
        watch.changes += 1
        watch.first_rate = float(optimizer.param_groups[0]["lr"])
        step = self.counter.current()
        gap = 1 if watch.changes <= _CHANGES_TOLD_AT_ONCE else watch.changes // 16
        if step - watch.told_at >= gap or not watch.rates:
            self._tell_rates(optimizer, watch, step)

    def _tell_rates(self, optimizer: Any, watch: OptimizerWatch, step: int) -> None:
        rates = tuple(float(group["lr"]) for group in optimizer.param_groups)
        group = optimizer.param_groups[0]
        settings = (float(group.get("weight_decay") or 0.0), len(rates))
        if settings != watch.settings:
            watch.settings = settings
            self._context.emit(
                OptimizerFacts(
                    optimizer=watch.name,
                    kind=type(optimizer).__name__,
                    step=step,
                    learning_rates=rates,
                    weight_decay=settings[0],
                    momentum=_momentum(group),
                    models=tuple(look.model for look in watch.looks),
                )
            )
        if rates != watch.rates:
            watch.rates, watch.told_at = rates, step
            self._context.emit(LearningRate(watch.name, step, rates))

    # -- layers -----------------------------------------------------------------------------------

    def _look(self, watch: OptimizerWatch) -> None:
        began = self._context.clock()
        with self._torch.no_grad():
            self._on_device.clear()
            for look in watch.looks:
                if not device_looks.on_device(look):
                    layers.look_before(look, self._torch)
                elif (begun := device_looks.begin(look, self._torch)) is not None:
                    self._on_device.append(begun)
        self._looking = watch
        watch.before_seconds = self._context.clock() - began

    def _looked(self, watch: OptimizerWatch) -> None:
        began = self._context.clock()
        step = self.counter.current()
        with self._torch.no_grad():
            for look in watch.looks:
                if not device_looks.on_device(look):
                    self._tell(look, layers.look_after(look, step, self._torch))
            for begun in self._on_device:
                tell = functools.partial(self._tell, begun.look)
                device_looks.end(begun, step, self._transfers, tell)
            self._on_device.clear()
        now = self._context.clock()
        spent = watch.before_seconds + now - began
        step_seconds = self._step_seconds(watch, now)
        if watch.steps >= schedule.FULL_LOOKS_AT_FIRST or self._plan.every is not None:
            watch.due_at = watch.steps + self._plan.layer_gap(spent, step_seconds)

    def _step_seconds(self, watch: OptimizerWatch, now: float) -> float:
        """Time of the training itself per step of this optimizer since its last look (s)."""
        key = id(watch)
        own = self._plan.own_seconds
        last = self._last_look.get(key)
        self._last_look[key] = (now, own, watch.steps)
        if last is None or watch.steps <= last[2]:
            return 0.0
        return max(now - last[0] - (own - last[1]), 0.0) / (watch.steps - last[2])

    def _tell(self, look: ModelLook, record: LayerStatistics) -> None:
        self._context.emit(record)
        if look.model in self._gradient_told:
            return
        for layer, norm in zip(look.layers, record.gradient_norm, strict=True):
            if norm == float("inf"):
                self._gradient_told.add(look.model)
                self._context.emit(
                    NonFinite(look.model, record.step, "gradient", layer.name, "nan")
                )
                return


def report_models(names: Names, context: ProbeContext, torch: Any) -> None:
    """Emit the structure of models that were found since the last call."""
    while names.found:
        model: Model = names.found.pop(0)
        facts = layers.facts_of(model, torch)
        if facts is not None:
            context.emit(facts)


def _momentum(group: dict[str, Any]) -> float:
    if "momentum" in group:
        return float(group["momentum"])
    betas = group.get("betas")
    return float(betas[0]) if betas else 0.0


def _enclosing(caller: FrameType) -> int:
    """How many optimizers' steps are under way around this one."""
    code, count, frame = caller.f_code, 0, caller.f_back
    while frame is not None:
        count += frame.f_code is code
        frame = frame.f_back
    return count
