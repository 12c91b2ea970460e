"""Optimizers: the steps they make, their settings and learning rates, and the layers they move.

Every way of training ends in `_backend_update_step` of Keras' optimizers: with the gradients as
they are used (unscaled, accumulated, clipped) and the learning rate in force. It runs eagerly, or
once while a graph is being traced; then what we want to know is handed out of that graph, or
becomes part of it.
"""

from __future__ import annotations

import math
import sys
import weakref
from collections.abc import Mapping, Sequence
from types import FrameType
from typing import Any

from ...records import LayerStatistics, LearningRate, OptimizerFacts
from ..base import ProbeContext
from ..schedule import Schedule
from . import replicas
from .counter import StepCounter
from .looks import GAP_AT_FIRST, ModelLook
from .lost import Lost, LostWeights
from .models import Models
from .names import native
from .stage import compiled_by_xla, current
from .updates import Update, handed_out

# A schedule that changes the rate at every batch is told of ever more seldom.
_CHANGES_TOLD_AT_ONCE = 64
# What a look takes that is not timed: a few passes over weights and gradients, in a graph say.
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
    """All optimizers of a run."""

    def __init__(
        self, context: ProbeContext, models: Models, plan: Schedule, counter: StepCounter
    ) -> None:
        self._context = context
        self._models = models
        self._plan = plan
        self._counter = counter
        self._watches: weakref.WeakKeyDictionary[Any, OptimizerWatch] = weakref.WeakKeyDictionary()
        self._stepping: list[ModelLook] = []  # of the step that is under way
        self._gradients: dict[int, Any] = {}  # of the eager step that is under way, by variable
        self._before = 0  # finished steps, when the looks were begun,
        self._beginning = 0.0  # and what that took (s)
        self._by_python = False  # whether the update that is being traced is counted by Python
        self._began: tuple[float, int] | None = None
        self.lost = LostWeights(context.emit)

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
            self._traced(watch, by_variable, rate)
            return
        step = self._counter.under_way()
        self._tell_rate(watch, step, float(rate))
        self._gradients, self._stepping = by_variable, []
        self._begin([look for look in watch.looks if step >= look.due])

    def after_update(self) -> None:
        """The update has been made, or traced."""
        if replicas.here():
            return
        if sys.modules["tensorflow"].executing_eagerly():
            gradients, self._gradients = self._gradients, {}
            stepping, self._stepping = self._stepping, []
            for look in stepping:
                self._finish(look, self._counter.under_way(), gradients)
            self._counter.step()
            return
        stage = current()
        if stage is not None and self._by_python:
            stage.counted += 1
        else:
            self._counter.step_in_graph()

    def _traced(self, watch: OptimizerWatch, gradients: dict[int, Any], rate: Any) -> None:
        """An update is being traced: its gradients are handed out, or its look is in the graph.

        In a step that XLA compiles it is neither: with any change the user's operations are fused
        in another way, and the weights come out different in their last bits. How far they move is
        seen from outside; the gradients are not.
        """
        stage = current()
        if stage is None:
            return
        tf = sys.modules["tensorflow"]
        here = tf.compat.v1.get_default_graph()
        tensors: list[dict[str, Any]] | None = None
        if compiled_by_xla(here):
            tensors = [{} for _ in watch.looks]
        elif stage.alone and stage.graph is here:
            tensors = handed_out(watch.looks, gradients, rate, here)
        self._by_python = tensors is not None
        if tensors is None:
            for look in watch.looks:
                look.trace(gradients, self._counter.variable(), rate)
            return
        step = self._counter.done + stage.counted + 1
        for look, held in zip(watch.looks, tensors, strict=True):
            stage.updates.append(Update(watch, look, stage.counted, held))
        if stage.alone:  # it is about to be run for the first time
            with tf.init_scope():
                self._begin([look for look in watch.looks if step >= look.due])

    # -- around a step that Python starts ---------------------------------------------------------

    def due(self, updates: Sequence[Update], done: int) -> bool:
        """Whether a step with these updates, run after so many others, is to be looked at."""
        return any(done >= update.look.due - 1 for update in updates)

    @property
    def looking(self) -> bool:
        """Whether a look is under way."""
        return bool(self._stepping)

    def before_execution(self, updates: Sequence[Update]) -> None:
        """A step with these updates, that is due, is about to be run from Python."""
        step = self._counter.done + 1
        self._stepping = []
        self._begin([update.look for update in updates if step >= update.look.due])

    def after_execution(self, updates: Sequence[Update], several: bool = False) -> None:
        """It has been run, and these updates were made; several times, perhaps."""
        stepping, self._stepping = self._stepping, []
        while stepping:
            look = stepping.pop()
            own = [update for update in updates if update.look is look]
            if not own:
                continue
            first, step = own[0], self._before + own[0].order + 1
            optimizer, rate = first.watch.optimizer(), first.rate
            if optimizer is not None:
                now = self._rate_now(optimizer, first.watch) if rate is None else rate
                self._tell_rate(first.watch, step, now)
            self._finish(look, step, first.gradients, several or len(own) > 1)

    # -- looks from outside -----------------------------------------------------------------------

    def _begin(self, looks: Sequence[ModelLook]) -> None:
        began = self._context.clock()
        self._before = self._counter.done
        for look in looks:
            if look not in self._stepping and look.begin():
                self._stepping.append(look)
        self._beginning = self._context.clock() - began

    def _finish(
        self, look: ModelLook, step: int, gradients: Mapping[int, Any], others: bool = False
    ) -> None:
        began = self._context.clock()
        found = look.finish(step, gradients, others)
        look.seconds = self._context.clock() - began + self._beginning
        look.wait(step, self._gap(look, step))
        if gradients or not others:
            self._tell(look, found)

    def flush(self) -> None:
        """Emit what was seen inside graphs since the last time."""
        done = self._counter.done
        for watch in list(self._watches.values()):
            optimizer = watch.optimizer()
            for look in watch.looks:
                for found, rate in look.fetch(self._gap(look, done)):
                    self._tell_rate(watch, found.step, rate)
                    self._tell(look, found)
            if optimizer is not None and done:
                self._tell_rate(watch, done, self._rate_now(optimizer, watch))

    def check(self) -> None:
        """A training has come to its end: whether the weights are numbers."""
        for watch in list(self._watches.values()):
            for look in watch.looks:
                look.check()
                self._see_lost(look, self._counter.done)

    def _tell(self, look: ModelLook, found: LayerStatistics) -> None:
        self._context.emit(found)
        self._see_lost(look, found.step)

    def _see_lost(self, look: ModelLook, step: int) -> None:
        if look.lost is not None:
            self.lost.found(Lost(look.model.name, step, *look.lost))

    # -- meeting an optimizer ---------------------------------------------------------------------

    def _meet(self, optimizer: Any, variables: Sequence[Any], frame: FrameType) -> OptimizerWatch:
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
        """Steps until the next look, from what one takes, and a step of this run so far."""
        if self._began is None:  # not before: the first step has been compiled, too
            self._began = (self._context.clock(), step)
        seconds, steps = self._context.clock() - self._began[0], step - self._began[1]
        if steps > 0:
            taken = look.seconds or _LOOK_SECONDS + look.scalars * _SECONDS_PER_SCALAR
            look.gap = self._plan.layer_gap(taken, seconds / steps, step)
        return look.gap


def _number(optimizer: Any, name: str) -> float:
    value = getattr(optimizer, name, None)
    return float(value) if isinstance(value, int | float) else 0.0


def _momentum(optimizer: Any) -> float:
    """Of SGD the momentum, of Adam and its kin the first beta, as for other frameworks."""
    return _number(optimizer, "momentum") or _number(optimizer, "beta_1")
