"""Optimizers: the steps they make, their settings and learning rates, and the layers they move.

Every way of training ends in `_backend_update_step` of Keras' optimizers: with the gradients as
they are used (unscaled, accumulated, clipped) and the learning rate in force. It runs eagerly, or
once while a graph is being traced; then what we want to know becomes part of that graph.
"""

from __future__ import annotations

import math
import sys
import weakref
from collections.abc import Sequence
from types import FrameType
from typing import Any

from ...records import LearningRate, OptimizerFacts
from ..base import ProbeContext
from ..schedule import Schedule
from . import replicas
from .counter import StepCounter
from .looks import GAP_AT_FIRST, ModelLook
from .models import Models
from .names import native

# A schedule that changes the rate at every batch is told of ever more seldom.
_CHANGES_TOLD_AT_ONCE = 64
# What a look takes: a branch of a graph, and a few passes over weights and gradients.
_LOOK_SECONDS, _SECONDS_PER_SCALAR = 2e-4, 4e-9


class OptimizerWatch:
    """What is known of one optimizer; the optimizer itself is held weakly."""

    def __init__(self, name: str, optimizer: Any) -> None:
        self.name = name
        self.optimizer = weakref.ref(optimizer)
        self.kind = type(optimizer).__name__
        self.looks: list[ModelLook] = []
        self.settings: tuple[Any, ...] = ()
        self.rate = math.nan
        self.changes = 0
        self.told_at = 0


class Optimizers:
    """All optimizers of a run.

    Attributes
        outside: the looks at models whose graphs hold none.
    """

    def __init__(
        self, context: ProbeContext, models: Models, plan: Schedule, counter: StepCounter
    ) -> None:
        self._context = context
        self._models = models
        self._plan = plan
        self._counter = counter
        self._watches: weakref.WeakKeyDictionary[Any, OptimizerWatch] = weakref.WeakKeyDictionary()
        self._stepping: list[ModelLook] = []  # of the eager step that is under way
        self.outside: list[ModelLook] = []
        self._done_before = 0  # steps, where a look from outside is under way
        self._began: tuple[float, int] | None = None

    # -- around an update -------------------------------------------------------------------------

    def before_update(
        self, optimizer: Any, gradients: Sequence[Any], variables: Sequence[Any],
        rate: Any, frame: FrameType,
    ) -> None:  # fmt: skip
        """An optimizer is about to update variables by these gradients, at this learning rate."""
        tf = sys.modules["tensorflow"]
        watch = self._meet(optimizer, variables, frame)
        if replicas.here():
            return  # each of several updates what is the same for all: their calls are counted
        by_variable = {
            id(native(v)): g for v, g in zip(variables, gradients, strict=True) if g is not None
        }
        if not tf.executing_eagerly():
            if self.for_xla():
                self.outside += [look for look in watch.looks if look not in self.outside]
                return
            for look in watch.looks:
                look.trace(by_variable, self._counter.variable(), rate)
            return
        step = self._counter.under_way()
        self._tell_rate(watch, step, float(rate))
        self._stepping = [look for look in watch.looks if step >= look.due]
        for look in self._stepping:
            look.begin(by_variable)

    def after_update(self) -> None:
        """The update has been made, or traced."""
        if replicas.here():
            return
        if not sys.modules["tensorflow"].executing_eagerly():
            if not self.for_xla():
                self._counter.step_in_graph()
            return
        step = self._counter.under_way()
        stepping, self._stepping = self._stepping, []
        for look in stepping:
            found = look.finish(step, self._gap(look, step))
            if found is not None:
                self._context.emit(found)
        self._counter.step()

    def before_execution(self) -> bool:
        """A step that XLA has compiled is about to run, from Python: whether it is looked at.

        It holds no look: with one the user's operations are fused in another way, and the weights
        come out different in their last bits. From outside it is seen how far they move; the
        gradients are not.
        """
        done = self._counter.done
        self._stepping = [look for look in self.outside if done + 1 >= look.due]
        self._done_before = done
        for look in self._stepping:
            look.begin({})
        return bool(self._stepping)

    def after_execution(self) -> None:
        """It has run: one step, or several, of which none can be told by itself."""
        stepping, self._stepping = self._stepping, []
        if not stepping:
            return
        step = self._counter.done
        for watch in list(self._watches.values()):
            optimizer = watch.optimizer()
            if optimizer is not None and any(look in stepping for look in watch.looks):
                self._tell_rate(watch, step, self._rate_now(optimizer, watch))
        for look in stepping:
            found = look.finish(step, self._gap(look, step))
            if found is not None and step == self._done_before + 1:
                self._context.emit(found)

    def for_xla(self) -> bool:
        """Whether a graph is being traced that will be compiled by XLA."""
        tf = sys.modules["tensorflow"]
        if tf.executing_eagerly():
            return False
        control_flow = sys.modules["tensorflow.python.ops.control_flow_util"]
        graph = tf.compat.v1.get_default_graph()
        return bool(control_flow.GraphOrParentsInXlaContext(graph))

    def flush(self) -> None:
        """Emit what was seen inside graphs since the last time."""
        done = self._counter.done
        for watch in list(self._watches.values()):
            optimizer = watch.optimizer()
            for look in watch.looks:
                for found, rate in look.fetch(self._gap(look, done)):
                    self._tell_rate(watch, found.step, rate)
                    self._context.emit(found)
            if optimizer is not None and done:
                self._tell_rate(watch, done, self._rate_now(optimizer, watch))

    # -- meeting an optimizer ---------------------------------------------------------------------

    def _meet(self, optimizer: Any, variables: Sequence[Any], frame: FrameType) -> OptimizerWatch:
        if self._began is None:
            self._began = (self._context.clock(), self._counter.done)
        watch = self._watches.get(optimizer)
        if watch is None:
            name = self._models.names.optimizer_name(optimizer, frame)
            watch = self._watches[optimizer] = OptimizerWatch(name, optimizer)
        new = [v for v in variables if not any(look.holds([v]) for look in watch.looks)]
        for model in self._models.of(new, frame):
            watch.looks.append(ModelLook(model, variables, self._plan.every or GAP_AT_FIRST))
        return watch

    # -- telling ----------------------------------------------------------------------------------

    def _tell_rate(self, watch: OptimizerWatch, step: int, rate: float) -> None:
        """Emit a rate that has changed and, with the first one, the settings."""
        if rate == watch.rate or math.isnan(rate):
            return
        watch.changes += 1
        gap = 1 if watch.changes <= _CHANGES_TOLD_AT_ONCE else watch.changes // 16
        if watch.settings and step - watch.told_at < gap:
            return
        watch.rate, watch.told_at = rate, step
        optimizer = watch.optimizer()
        if optimizer is not None:
            self._tell_settings(watch, optimizer, step)
        self._context.emit(LearningRate(watch.name, step, (rate,)))

    def _tell_settings(self, watch: OptimizerWatch, optimizer: Any, step: int) -> None:
        models = tuple(look.model.name for look in watch.looks)
        settings = (_number(optimizer, "weight_decay"), _momentum(optimizer), models)
        if settings == watch.settings:
            return
        watch.settings = settings
        self._context.emit(
            OptimizerFacts(
                optimizer=watch.name,
                kind=watch.kind,
                step=step,
                learning_rates=(watch.rate,),
                weight_decay=settings[0],
                momentum=settings[1],
                models=models,
            )
        )

    def _rate_now(self, optimizer: Any, watch: OptimizerWatch) -> float:
        """The rate that is in force, without calling code of the user's."""
        rate = optimizer._learning_rate
        if hasattr(rate, "numpy"):
            return float(rate.numpy())
        if type(rate).__module__.startswith("keras."):  # a schedule: that of the last step
            before = max(int(optimizer.iterations.numpy()) - 1, 0)
            return float(rate(before))
        return watch.rate

    def _gap(self, look: ModelLook, step: int) -> int:
        """Steps until the next look, from what a step of this run has taken so far."""
        if self._began is None or step <= self._began[1]:
            return look.gap
        seconds = (self._context.clock() - self._began[0]) / (step - self._began[1])
        look.gap = self._plan.layer_gap(_LOOK_SECONDS + look.scalars * _SECONDS_PER_SCALAR, seconds)
        return look.gap


def _number(optimizer: Any, name: str) -> float:
    value = getattr(optimizer, name, None)
    return float(value) if isinstance(value, int | float) else 0.0


def _momentum(optimizer: Any) -> float:
    """Of SGD the momentum, of Adam and its kin the first beta, as for other frameworks."""
    return _number(optimizer, "momentum") or _number(optimizer, "beta_1")
