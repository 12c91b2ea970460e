"""The hooks around optimizer steps, and what is looked at there."""

from __future__ import annotations

import functools
import weakref
from collections.abc import Callable
from types import FrameType
from typing import Any

from ...records import LayerStatistics, NonFinite
from .. import schedule
from ..base import ProbeContext
from ..schedule import Schedule
from . import device_looks, layers, scaling, structure
from .counter import StepCounter
from .device_looks import DeviceLook
from .hooks import Switch
from .inspection import Inspection
from .layers import ModelLook
from .names import Names
from .optimizers import OptimizerWatch, Rates
from .transfer import Transfers

# Steps after which an optimizer that was due for a look is no longer waited for.
_PATIENCE = 16
_MOST_PASSING = 1024
# A look at the layers of a model that has many takes longer; then the first steps are not looked at
# each. Of the first one half counts, which is what the next ones were measured to take; what the
# graph took with it does not, for it is not met again.
_LONG_LOOK_SECONDS = 0.002
# After the first three: whether the last layer has moved at all is judged over five steps.
_STEPS_TO_FIFTH = 3
# To meet a model of so many tensors takes most of what the first steps may cost: a look at a few of
# its layers belongs to that, the next one comes when they are over.
_MANY_PARAMETERS = 256
# A search over settings makes ever new optimizers; of later ones only the steps are counted.
_MOST_OPTIMIZERS = 64


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
        self.after_hook: Callable[..., None] | None = None
        self._rates = Rates(context, counter, transfers)
        self._watches: dict[int, tuple[Any, OptimizerWatch]] = {}
        self._stepping: OptimizerWatch | None = None
        self._looking: OptimizerWatch | None = None
        self._on_device: list[DeviceLook] = []  # of the step that is under way
        self._last_look: tuple[float, float, int] | None = None
        self._gradient_told: set[str] = set()
        self._met = 0
        self._ready: set[int] = set()  # optimizers whose next step may pass
        self._listening: dict[int, tuple[Any, Any]] = {}  # (optimizer, handle of its post-hook)

    def before_backward(self) -> None:
        """A backward is being looked at: so are the learning rates, and whether a step is made
        of it."""
        if self.depth and self._stepping is not None:
            self._stepping.compound = True
        for reference, watch in self._watches.values():
            if watch.wanted and watch.rates:
                optimizer = reference()
                if optimizer is not None and watch.differs(optimizer.param_groups[0]["lr"]):
                    self._rates.changed(optimizer, watch)

    def before(self, optimizer: Any, caller: FrameType) -> None:
        """Pre-step hook; `caller` is the frame of torch's wrapper around `step`."""
        if not self.depth and id(optimizer) in self._ready and self._switch.steps.left > 0:
            self._pass(optimizer)
            return
        self._listen(optimizer)
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
                self._rates.changed(optimizer, watch)
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
                self._ready.add(key)
        taken = self.counter.taken
        dues = [
            watch.due_at
            for _, watch in self._watches.values()
            # one that has stopped stepping is not waited for
            if watch.wanted and watch.due_at > taken - _PATIENCE
        ]
        last = self._context.config.steps  # in which the cell is stopped: it must not pass
        if last is not None:
            dues.append(last)
        self._switch.steps.grant(max(min(dues, default=taken + _MOST_PASSING) - taken - 1, 0))

    def _listen(self, optimizer: Any) -> None:
        """Hear of the end of this step: by a hook of the optimizer's own, which is there only as
        long as its steps are looked at. A hook for all would cost every step some microseconds."""
        key = id(optimizer)
        self._switch.watch(optimizer)
        self._ready.discard(key)
        if key not in self._listening:
            listening = self._listening
            reference = weakref.ref(optimizer, lambda _: listening.pop(key, None))
            listening[key] = reference, optimizer.register_step_post_hook(self.after_hook)

    def _pass(self, optimizer: Any) -> None:
        """From this step on nothing is due for a while. Only now its hook may go: while the hooks
        after a step are being called, none of them can be taken out."""
        key = id(optimizer)
        self._ready.discard(key)
        _, handle = self._listening.pop(key, (None, None))
        if handle is not None:
            handle.remove()
        self._switch.let_pass(optimizer)
        self._switch.steps.left -= 1

    def release(self) -> None:
        """Take all hooks out of the user's optimizers."""
        listening, self._listening = self._listening, {}
        for _, handle in listening.values():
            handle.remove()

    def flush(self) -> None:
        """Tell of learning rates that have changed without being told."""
        for reference, watch in list(self._watches.values()):
            optimizer = reference()
            if optimizer is not None and watch.wanted:
                self._rates.tell(optimizer, watch, max(self.counter.done, 1))

    # -- meeting an optimizer ---------------------------------------------------------------------

    def _meet(self, optimizer: Any, frame: FrameType) -> OptimizerWatch:
        self._met += 1
        few = self._met <= _MOST_OPTIMIZERS
        name = self._names.optimizer_name(optimizer, frame) if few else ""
        parameters = [p for group in optimizer.param_groups for p in group["params"]]
        held = {id(p) for p in parameters}
        self._plan.many_parameters |= len(parameters) > _MANY_PARAMETERS
        wanted = few and any(self._names.wanted(p) for p in parameters)
        looks: list[ModelLook] = []
        covered: set[int] = set()
        for parameter in parameters if wanted else ():
            if id(parameter) in covered:
                continue
            model = self._names.model_of(parameter, frame)
            if model is None:
                continue
            tree = self._names.tree(model.module())
            looks.append(ModelLook(model.name, structure.layers_of(tree), held))
            covered.update(tree.names)
        if wanted and not looks and self._context.config.model is None and len(parameters) <= 1000:
            facts, bare = structure.bare_facts(
                self._names.unique("parameters"), parameters, self._torch
            )
            self._context.emit(facts)
            looks.append(ModelLook(facts.model, bare, held))
            if self.inspection is not None:
                self.inspection.adopt(facts.model, bare)
        report_models(self._names, self._context, self._transfers)
        watch = OptimizerWatch(name, looks, wanted)
        watches, plain, ready = self._watches, self._switch.plain, self._ready
        key = id(optimizer)

        def forget(_: Any) -> None:
            plain.pop(key, None)
            ready.discard(key)
            watches.pop(key, None)

        watches[key] = (weakref.ref(optimizer, forget), watch)
        return watch

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
        next_one = spent / 2 if watch.steps == 1 else spent
        spent += 0.0 if self.inspection is None else self.inspection.after_look()
        watch.due_at = step + 1
        at_first = watch.steps < schedule.FULL_LOOKS_AT_FIRST and next_one < _LONG_LOOK_SECONDS
        at_first = at_first and not self._plan.many_parameters
        if not at_first or self._plan.every is not None:
            seconds = self._step_seconds(now, step)
            whole = spent / min((look.share for look in watch.looks), default=1.0)
            gap = self._plan.layer_gap(whole, seconds, step)
            untimed = seconds == 0.0 and self._plan.every is None
            early = untimed or watch.steps == schedule.FULL_LOOKS_AT_FIRST
            early = early and not self._plan.many_parameters
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


def _enclosing(caller: FrameType) -> int:
    """How many optimizers' steps are under way around this one."""
    code, count, frame = caller.f_code, 0, caller.f_back
    while frame is not None:
        count += frame.f_code is code
        frame = frame.f_back
    return count
