"""Watches training with Keras 3 on TensorFlow."""

from __future__ import annotations

import math
import sys
from contextlib import ExitStack
from time import perf_counter
from typing import Any

from ...records import EpochEnded, LossRaised, Phase
from ..base import Probe, ProbeContext
from ..guard import Guard
from ..patching import Patches
from ..schedule import Countdown, Schedule
from . import hooks
from .counter import StepCounter
from .fit import Fit, Given, Step, Switch
from .loop_calls import LoopCall, LoopStage
from .loops import Loops
from .losses import LossCalls, LossSeen
from .models import Models
from .names import Names
from .nonfinite import first_place
from .optimizers import Optimizers
from .raised import explain
from .registry import Registry
from .sites import Site
from .stage import current
from .wirings import Wirings

FLUSH_SECONDS = 0.5


class KerasProbe(Probe):
    """Observes losses, predictions, steps and epochs of models that are trained through Keras."""

    framework = "keras"

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
        self.models = Models(self.context, self.names)
        self.wirings = Wirings(self.context, self.models, self.counter)
        self.optimizers = Optimizers(self.context, self.models, self.plan, self.counter)
        self.loops = Loops(self)
        self._training, self._evaluations = Countdown(), Countdown()
        self._last_flush = -math.inf
        self._epochs = 0

    @classmethod
    def available(cls) -> bool:
        return "keras.src.backend.tensorflow.trainer" in sys.modules and hasattr(
            sys.modules.get("keras"), "Model"
        )

    @property
    def cost_seconds(self) -> float:
        return self.plan.own_seconds + self._training.passed * self.plan.quick_seconds

    @property
    def steps(self) -> int:
        """Finished steps of the run so far."""
        return self.counter.done

    # -- attaching --------------------------------------------------------------------------------

    def _attach(self) -> None:
        self.tensorflow = sys.modules["tensorflow"]
        self._fresh()
        self._last_flush = self.context.clock()
        self.plan.begin(self._last_flush)
        self.switch.probe = self
        self.losses.attach(self._patches)
        self.fit.attach(self._patches)
        hooks.attach(self._patches, self.switch)

    def _detach(self) -> None:
        with ExitStack() as duties:  # the last one first, each of them whatever became of another
            duties.callback(self._fresh)
            duties.callback(self.fit.release)
            duties.callback(self._patches.restore)
            duties.callback(self._off)

    def _off(self) -> None:
        """From now on everything passes."""
        self.switch.probe = None
        self.losses.take = None

    def explain(self, error: BaseException) -> LossRaised | None:
        try:
            return explain(error, self.context, self.counter.done + 1)
        except Exception:  # the user's own error is what counts
            return None

    # -- events -----------------------------------------------------------------------------------

    def take_loss(self, seen: LossSeen) -> None:
        """A loss was computed, with values or while a step is traced."""
        stage = current()
        if stage is None or isinstance(stage, LoopStage):
            self.loops.loss(seen, sys._getframe(1))
        else:
            stage.note(seen)

    def after_execution(self, step: Step, given: Given) -> None:
        """A train or test function has run: one step, or several of which the last is told."""
        if step.phase == "eval":
            self._evaluated(step, given)
        else:
            self._trained(step, given)

    def _trained(self, step: Step, given: Given) -> None:
        began = self.context.clock()
        self.counter.executed += step.executed()
        countdown = self._training
        finite = self._is_finite(given)
        if countdown.left > 0 and finite:
            countdown.left -= 1
            return
        countdown.count()
        self._take(step, given, finite)
        self.plan.training.book(self.context.clock() - began)
        countdown.grant(self.plan.training.gap())
        self._maybe_flush()

    def _evaluated(self, step: Step, given: Given) -> None:
        began = self.context.clock()
        countdown = self._evaluations
        if countdown.left > 0:
            countdown.left -= 1
            return
        countdown.count()
        self._take(step, given, True)
        self.plan.evaluation.book(self.context.clock() - began)
        countdown.grant(self.plan.evaluation.gap())
        self._maybe_flush()

    def _take(self, step: Step, given: Given, finite: bool) -> None:
        at = self.counter.current()
        for key, tensors in given.items():
            site = self.registry.site(step.watched, key, step.seen[key].loss)
            if site is None:
                continue
            seen = step.filled(key, tensors)
            site.take(step.phase, at, seen)
            if not finite and not site.non_finite_told:
                self._tell_non_finite(site, at, seen, step.watched.inputs)

    def _tell_non_finite(self, site: Site, at: int, seen: LossSeen, inputs: Any) -> None:
        record = first_place(site.name, at, seen, inputs)
        if record is not None:
            site.non_finite_told = True
            self.context.emit(record)

    def passes(self, values: list[Any]) -> bool:
        """Whether losses that were trained with may pass without being looked at."""
        if self._training.left <= 0 or not self._are_finite(values):
            return False
        self._training.left -= 1
        return True

    def loop_losses(self, phase: Phase, calls: list[LoopCall], updated: bool = False) -> None:
        """Losses of a loop that the user has written have their values.

        `updated`: the update of their step has been made already, by the function they come from.
        """
        began = self.context.clock()
        training = phase == "train"
        countdown = self._training if training else self._evaluations
        finite = not training or self._are_finite([call.seen.value for call in calls])
        if countdown.left > 0 and finite:
            countdown.left -= 1
            return
        countdown.count()
        at = self.counter.under_way() if training and not updated else self.counter.current()
        for call in calls:
            site = self.loops.site(phase, call)
            if site is not None:
                seen = self.loops.seen(call)
                site.take(phase, at, seen)
                if not finite and not site.non_finite_told:
                    self._tell_non_finite(site, at, seen, None)
        sampler = self.plan.training if training else self.plan.evaluation
        sampler.book(self.context.clock() - began)
        countdown.grant(sampler.gap())
        self._maybe_flush()

    def _is_finite(self, given: Given) -> bool:
        return self._are_finite([tensors["value"] for tensors in given.values()])

    def _are_finite(self, values: list[Any]) -> bool:
        """Whether losses are finite numbers; on a device nobody waits for the answer."""
        for value in values:
            if "CPU" not in value.device:
                continue
            asked = perf_counter()
            number = value.numpy()
            difference = number - number  # neither NaN nor an infinity gives 0
            self.plan.book_check(perf_counter() - asked)
            if not (difference == 0).all():
                return False
        return True

    def epoch_ended(self, epoch: int) -> None:
        """A model has ended its so manieth epoch of this run; of several models the most count."""
        if epoch > self._epochs and self.counter.done:
            self._epochs = epoch
            self.context.emit(EpochEnded(epoch, self.counter.done))

    # -- flushing ---------------------------------------------------------------------------------

    def _maybe_flush(self) -> None:
        now = self.context.clock()
        if now - self._last_flush >= FLUSH_SECONDS or any(s.full for s in self._sites()):
            self._flush(now)

    def _sites(self) -> list[Site]:
        return self.registry.sites() + self.loops.sites()

    def _flush(self, now: float, final: bool = False) -> None:
        self._last_flush = now
        for site in self._sites():
            site.flush(self.plan.training.one_in, self.plan.evaluation.one_in)
        self.optimizers.flush()
        self.wirings.flush(final)
        self.loops.flush()
        done = self.context.clock()
        self.plan.book_flush(done - now)
        pause = self.plan.adapt(done, self._training.passed, self._evaluations.passed)
        if pause > self._training.left:
            self._training.grant(pause)

    def flush(self) -> None:
        if self.attached:
            self.guard.run(self._flush, self.context.clock(), True)
