"""Counting optimizer steps, and what is looked at around them."""

from __future__ import annotations

import functools
import math
import weakref
from types import FrameType
from typing import Any

from ...records import LayerStatistics, LearningRate, NonFinite, OptimizerFacts
from .. import schedule
from ..base import ProbeContext
from ..schedule import Countdown, Schedule
from . import device_looks, layers, scaling, structure
from .device_looks import DeviceLook
from .hooks import Switch
from .inspection import Inspection
from .layers import ModelLook
from .names import Names
from .transfer import Transfers

# Backwards without any optimizer step after which the loop is taken to update its weights by hand.
_BACKWARDS_BEFORE_STEPLESS = 16
# Steps after which an optimizer that was due for a look is no longer waited for.
_PATIENCE = 16
_MOST_PASSING = 1024
# A look at a model of many layers takes longer; then the first steps are not looked at each.
_LONG_LOOK_SECONDS = 0.002
# After the first three: whether the last layer has moved at all is judged over five steps.
_STEPS_TO_FIFTH = 3
# A schedule that changes the rate at every batch is told of ever more seldom.
_CHANGES_TOLD_AT_ONCE = 64


# A search over settings makes ever new optimizers; of later ones only the steps are counted.
_MOST_OPTIMIZERS = 64


class StepCounter:
    """The number of the current step: optimizer steps where there are any, else backwards.

    As long as neither is sure, `now` hands out provisional (negative) numbers that `known` settles.
    """

    def __init__(self, backwards: Countdown, steps: Countdown) -> None:
        self._backwards, self._steps = backwards, steps
        self._by_hand = 0  # backwards counted as steps

    @property
    def backwards(self) -> int:
        return self._backwards.passed

    @property
    def taken(self) -> int:
        """Optimizer steps."""
        return self._steps.passed

    @property
    def done(self) -> int:
        """Finished steps of the run so far."""
        taken = self.taken
        return self._by_hand + taken if taken else self.backwards

    @property
    def settled(self) -> bool:
        return self.taken > 0 or self.backwards > _BACKWARDS_BEFORE_STEPLESS

    def now(self) -> int:
        taken = self.taken
        if taken:
            return self._by_hand + taken + 1
        backwards = self.backwards
        return backwards if backwards > _BACKWARDS_BEFORE_STEPLESS else -max(backwards, 1)

    def step(self) -> None:
        """An optimizer has stepped."""
        if not self.taken and self.backwards > _BACKWARDS_BEFORE_STEPLESS:
            self._by_hand = self.backwards - 1  # the backwards so far were steps of their own
        self._steps.count()

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
        if _on_device(first_rate):
            return self.first_rate is None
        return bool(first_rate != self.first_rate)


class Steps:
    """The hooks around every optimizer's step.

    Steps in which nothing is due are counted by the switch alone. An optimizer's steps may pass
    there once its first ones have shown that none of them is made of others.
    """

    def __init__(
        self,
        context: ProbeContext,
        names: Names,
        plan: Schedule,
        counter: StepCounter,
        switch: Switch,
        transfers: Transfers,
    ) -> None:
        self._context = context
        self._names = names
        self._plan = plan
        self._torch = transfers.torch
        self._transfers = transfers
        self._switch = switch
        self.counter = counter
        self.depth = 0  # of steps that are looked at
        self.inspection: Inspection | None = None
        self._watches: dict[int, tuple[Any, OptimizerWatch]] = {}
        self._stepping: OptimizerWatch | None = None
        self._looking: OptimizerWatch | None = None
        self._on_device: list[DeviceLook] = []  # of the step that is under way
        self._last_look: tuple[float, float, int] | None = None
        self._gradient_told: set[str] = set()
        self._met = 0

    def before_backward(self) -> None:
        """A backward is being looked at: so are the learning rates, and whether a step is made
        of it."""
        if self.depth and self._stepping is not None:
            self._stepping.compound = True
        for reference, watch in self._watches.values():
            if watch.wanted and watch.rates:
                optimizer = reference()
                if optimizer is not None and watch.differs(optimizer.param_groups[0]["lr"]):
                    self._rates_changed(optimizer, watch)

    def before(self, optimizer: Any, caller: FrameType) -> None:
        """Pre-step hook; `caller` is the frame of torch's wrapper around `step`."""
        if self.depth:
            self.depth = _enclosing(caller)  # a step that raised left its count behind
            self._looking = self._looking if self.depth else None
        self.depth += 1
        self._switch.stepping = True
        if self.depth > 1:
            if self._stepping is not None:
                self._stepping.compound = True
            return
        known = self._watches.get(id(optimizer))
        watch = known[1] if known is not None else self._meet(optimizer, caller)
        self._stepping = watch
        self._switch.steps.grant(0)  # steps inside this one are to be noticed
        watch.steps += 1
        if watch.wanted:
            if watch.differs(optimizer.param_groups[0]["lr"]):
                self._rates_changed(optimizer, watch)
            if self.counter.taken + 1 >= watch.due_at and not scaling.overflowed(optimizer):
                if self.inspection is not None:
                    self.inspection.before_step(optimizer, watch.name)
                self._look(optimizer, watch)

    def after(self) -> bool:
        """Post-step hook; True where a step of the run has just ended."""
        self.depth = max(self.depth - 1, 0)
        if self.depth:
            return False
        self._switch.stepping = False
        if self._looking is not None:
            looking, self._looking = self._looking, None
            self._looked(looking)
        self.counter.step()
        self._let_pass()
        return True

    def _let_pass(self) -> None:
        """Decide how many steps may pass from here on."""
        stepping, self._stepping = self._stepping, None
        if stepping is None or stepping.compound or stepping.steps < schedule.FULL_LOOKS_AT_FIRST:
            return
        for key, (_, watch) in self._watches.items():
            if watch is stepping:
                self._switch.plain.add(key)
        taken = self.counter.taken
        dues = [
            watch.due_at
            for _, watch in self._watches.values()
            # one that has stopped stepping is not waited for
            if watch.wanted and watch.due_at > taken - _PATIENCE
        ]
        self._switch.steps.grant(max(min(dues, default=taken + _MOST_PASSING) - taken - 1, 0))

    def flush(self) -> None:
        """Tell of learning rates that have changed without being told."""
        for reference, watch in list(self._watches.values()):
            optimizer = reference()
            if optimizer is not None and watch.wanted:
                self._tell_rates(optimizer, watch, max(self.counter.done, 1))

    # -- meeting an optimizer ---------------------------------------------------------------------

    def _meet(self, optimizer: Any, frame: FrameType) -> OptimizerWatch:
        self._met += 1
        few = self._met <= _MOST_OPTIMIZERS
        name = self._names.optimizer_name(optimizer, frame) if few else ""
        parameters = [p for group in optimizer.param_groups for p in group["params"]]
        held = {id(p) for p in parameters}
        wanted = few and any(self._names.wanted(p) for p in parameters)
        looks: list[ModelLook] = []
        covered: set[int] = set()
        for parameter in parameters if wanted else ():
            if id(parameter) in covered:
                continue
            model = self._names.model_of(parameter, frame)
            if model is None:
                continue
            found = structure.layers_of(self._names.tree(model.module()))
            looks.append(ModelLook(model.name, found, held))
            covered.update(id(p) for layer in found for p in layer.parameters)
        if wanted and not looks and self._context.config.model is None and len(parameters) <= 1000:
            facts, bare = structure.bare_facts(
                self._names.unique("parameters"), parameters, self._torch
            )
            self._context.emit(facts)
            looks.append(ModelLook(facts.model, bare, held))
        report_models(self._names, self._context, self._transfers)
        watch = OptimizerWatch(name, looks, wanted)
        watches, plain, key = self._watches, self._switch.plain, id(optimizer)

        def forget(_: Any) -> None:
            plain.discard(key)
            watches.pop(key, None)

        watches[key] = (weakref.ref(optimizer, forget), watch)
        return watch

    # -- learning rates ---------------------------------------------------------------------------

    def _rates_changed(self, optimizer: Any, watch: OptimizerWatch) -> None:
        watch.changes += 1
        rate = optimizer.param_groups[0]["lr"]
        watch.first_rate = math.nan if _on_device(rate) else float(rate)
        step = self.counter.current()
        gap = 1 if watch.changes <= _CHANGES_TOLD_AT_ONCE else watch.changes // 16
        if step - watch.told_at >= gap or not watch.rates:
            self._tell_rates(optimizer, watch, step)

    def _tell_rates(self, optimizer: Any, watch: OptimizerWatch, step: int) -> None:
        """Emit the rates and, where they are new, the settings; as soon as they are known."""
        group, kind = optimizer.param_groups[0], type(optimizer).__name__
        decay, momentum = _host_number(group.get("weight_decay")), _momentum(group)

        def arrived(arrays: list[Any]) -> None:
            rates = tuple(v if isinstance(v, float) else float(v.item()) for v in arrays)
            self._rates_known(watch, kind, step, rates, decay, momentum)

        rates = [group["lr"] for group in optimizer.param_groups]
        held = [lr.detach().clone() if _on_device(lr) else float(lr) for lr in rates]
        self._transfers.later(held, arrived)

    def _rates_known(
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

    # -- layers -----------------------------------------------------------------------------------

    def _look(self, optimizer: Any, watch: OptimizerWatch) -> None:
        began = self._context.clock()
        with self._torch.no_grad():
            self._on_device.clear()
            for look in watch.looks:
                if not device_looks.on_device(look):
                    layers.look_before(look, scaling.gradient_scale(optimizer), self._torch)
                elif (begun := device_looks.begin(look, optimizer, self._torch)) is not None:
                    self._on_device.append(begun)
        self._looking = watch
        watch.before_seconds = self._context.clock() - began

    def _looked(self, watch: OptimizerWatch) -> None:
        began = self._context.clock()
        step = self.counter.current()
        with self._torch.no_grad():
            for look in watch.looks:
                if not device_looks.on_device(look):
                    record = layers.look_after(look, step, self._torch)
                    self._tell(look, record, layers.has_nan(look.gradients))
            for begun in self._on_device:
                tell = functools.partial(self._tell, begun.look)
                device_looks.end(begun, step, self._transfers, tell)
            self._on_device.clear()
        now = self._context.clock()
        spent = watch.before_seconds + now - began
        spent += 0.0 if self.inspection is None else self.inspection.after_look()
        watch.due_at = step + 1
        at_first = watch.steps < schedule.FULL_LOOKS_AT_FIRST and spent < _LONG_LOOK_SECONDS
        if not at_first or self._plan.every is not None:
            seconds = self._step_seconds(now, step)
            whole = spent / min((look.share for look in watch.looks), default=1.0)
            gap = self._plan.layer_gap(whole, seconds)
            untimed = seconds == 0.0 and self._plan.every is None
            early = untimed or watch.steps == schedule.FULL_LOOKS_AT_FIRST
            watch.due_at = step + (min(gap, _STEPS_TO_FIFTH) if early else gap)

    def _step_seconds(self, now: float, step: int) -> float:
        """Time of the training itself per step of the run since the last look (s)."""
        own, last = self._plan.own_seconds, self._last_look
        self._last_look = (now, own, step)
        if last is None or step <= last[2]:
            return 0.0
        return max(now - last[0] - (own - last[1]), 0.0) / (step - last[2])

    def _tell(self, look: ModelLook, record: LayerStatistics, has_nan: bool) -> None:
        """`has_nan`: a gradient holds one; what is not finite otherwise is an infinity."""
        self._context.emit(record)
        if look.model in self._gradient_told:
            return
        for layer, norm in zip(look.layers, record.gradient_norm, strict=True):
            if norm == float("inf"):
                self._gradient_told.add(look.model)
                value = "nan" if has_nan else "inf"
                self._context.emit(
                    NonFinite(look.model, record.step, "gradient", layer.name, value)
                )
                return


def report_models(names: Names, context: ProbeContext, transfers: Transfers) -> None:
    """Emit the structure of models that were found since the last call, when it is known."""
    found, names.found = list(dict.fromkeys(names.found)), []
    for model in found:
        if not structure.tell_facts(model, names, transfers, context.emit):
            names.found.append(model)


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


def _enclosing(caller: FrameType) -> int:
    """How many optimizers' steps are under way around this one."""
    code, count, frame = caller.f_code, 0, caller.f_back
    while frame is not None:
        count += frame.f_code is code
        frame = frame.f_back
    return count
