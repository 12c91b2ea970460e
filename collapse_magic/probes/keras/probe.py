"""Watches training with Keras 3 on TensorFlow."""

from __future__ import annotations

import math
import sys
from contextlib import ExitStack
from time import perf_counter
from typing import Any

from ...records import EpochEnded
from ..base import Probe, ProbeContext
from ..guard import Guard
from ..patching import Patches
from ..schedule import Countdown, Schedule
from .counter import StepCounter
from .fit import TRAINER, Fit, Given, Step, Switch
from .losses import LossCalls, LossSeen
from .names import Names
from .nonfinite import finite, first_place
from .registry import Registry
from .stage import current


class KerasProbe(Probe):
    """Observes losses, predictions, steps and epochs of models that are trained through Keras."""

    framework = "keras tensorflow"

    def __init__(self, context: ProbeContext) -> None:
        super().__init__(context)
        self.tensorflow: Any = sys.modules.get("tensorflow")
        self.plan = Schedule(context.config.budget, context.config.every)
        self._patches = Patches()
        self._fresh()

    def _fresh(self) -> None:
        """Empty stores: nothing of the user's stays behind in the probe."""
        self.switch = Switch()
        self.counter = StepCounter()
        self.names = Names(self.context)
        self.guard = Guard(self.context, self.plan, self._off)
        self.losses = LossCalls(self.guard, self.take_loss)
        self.fit = Fit(self.switch)
        self.registry = Registry(self.context, self.names)
        self._training, self._evaluations = Countdown(), Countdown()
        self._last_flush, self._counted = -math.inf, 0  # steps since then
        self._epochs = 0
        self._told_non_finite = False
        self._on_host: bool | None = None  # where losses are computed
        self._keras = False  # it is there, and attached to

    @classmethod
    def available(cls) -> bool:
        return hasattr(sys.modules.get("tensorflow"), "function")

    @property
    def cost_seconds(self) -> float:
        return self.plan.own_seconds + self._training.passed * self.plan.quick_seconds

    @property
    def steps(self) -> int:
        """Finished steps of the run so far."""
        return self.counter.done

    @property
    def idle(self) -> bool:  # type: ignore[override]
        return self.counter.done == 0

    # -- attaching --------------------------------------------------------------------------------

    def _attach(self) -> None:
        self.tensorflow = sys.modules["tensorflow"]
        self._fresh()
        self._last_flush = self.context.clock()
        self.plan.begin(self._last_flush)
        self.switch.probe = self
        self.losses.attach_to_tensorflow(self._patches)
        self.imported()

    def imported(self) -> None:
        keras = sys.modules.get("keras")
        if self.attached and not self._keras and TRAINER in sys.modules and hasattr(keras, "Model"):
            self._keras = True
            self.losses.attach_to_keras(self._patches)
            self.fit.attach(self._patches)

    def _detach(self) -> None:
        with ExitStack() as duties:  # the last one first, each of them whatever became of another
            duties.callback(self.registry.clear)
            duties.callback(self.fit.release)
            duties.callback(self._patches.restore)
            duties.callback(self._off)

    def _off(self) -> None:
        """From now on everything passes."""
        self.switch.probe = None
        self.losses.take = None

    # -- events -----------------------------------------------------------------------------------

    def take_loss(self, seen: LossSeen) -> None:
        """A loss was computed, with values or while a step is traced."""
        stage = current()
        if stage is not None:
            stage.note(seen)

    def passes(self, step: Step, given: Given) -> bool:
        """A train or test function has run: whether there is nothing to look at."""
        try:
            if step.phase == "eval":
                countdown = self._evaluations
            else:
                countdown = self._training
                self.counter.done += 1 if step.most == 1 else step.executed()
            left = countdown.left
            if left <= 0 or not (step.phase == "eval" or self._is_finite(given, left)):
                return False
            countdown.left = left - 1
            return True
        except Exception as error:
            self.guard.fail(error)
            return True

    def after_execution(self, step: Step, given: Given) -> None:
        """One step, or several of which the last is told, is to be looked at."""
        began = self.context.clock()
        training = step.phase == "train"
        countdown = self._training if training else self._evaluations
        sampler = self.plan.training if training else self.plan.evaluation
        due = countdown.left <= 0
        countdown.count()
        self._take(step, given)
        if due:
            self._counted += training
            sampler.book(self.context.clock() - began)
            countdown.grant(sampler.gap())
        self._maybe_flush()

    def _take(self, step: Step, given: Given) -> None:
        at = self.counter.current()
        for key, tensors in given.items():
            seen = step.filled(key, tensors)
            site = self.registry.site(step.watched, key, seen.loss)
            if site is None:
                continue
            site.most = step.most
            site.take(step.phase, at, seen)
            if step.phase == "train" and not site.non_finite_told and not finite(seen.value):
                record = first_place(site.name, at, seen, step.watched.inputs)
                if record is not None:
                    site.non_finite_told = self._told_non_finite = True
                    self.context.emit(record)

    def _is_finite(self, given: Given, left: int) -> bool:
        """Whether the losses are finite numbers; on a device nobody waits for the answer."""
        if left & self.plan.unchecked or self._told_non_finite:
            return True
        asked = perf_counter()
        for tensors in given.values():
            value = tensors["value"]
            if self._on_host is None:
                self._on_host = "CPU" in value.device
            if self._on_host and not finite(value):
                return False
        self.plan.book_check(perf_counter() - asked)
        return True

    def epoch_ended(self, epoch: int) -> None:
        """A model has ended its so manieth epoch of this run; of several models the most count."""
        if epoch > self._epochs and self.counter.done:
            self._epochs = epoch
            self.context.emit(EpochEnded(epoch, self.counter.done))

    # -- flushing ---------------------------------------------------------------------------------

    def _maybe_flush(self) -> None:
        now = self.context.clock()
        due = now - self._last_flush >= self.plan.flush_gap(now, self._counted)
        if due or any(site.full for site in self.registry.sites()):
            self._flush(now)

    def _flush(self, now: float) -> None:
        self._last_flush, self._counted = now, 0
        for site in self.registry.sites():
            site.flush(self.plan.training.one_in, self.plan.evaluation.one_in)
        done = self.context.clock()
        self.plan.book_flush(done - now)
        pause = self.plan.adapt(done, self._training.passed, self._evaluations.passed)
        if pause > self._training.left:
            self._training.grant(pause)

    def flush(self) -> None:
        if self.attached:
            self.guard.run(self._flush, self.context.clock())
