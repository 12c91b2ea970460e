"""Watches training with Keras 3 on TensorFlow."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Iterable, Sequence
from contextlib import ExitStack
from time import perf_counter
from typing import Any

from ...records import EpochEnded, LossRaised, Phase, ProbeNote
from ..base import Probe, ProbeContext
from ..guard import Guard
from ..patching import Patches
from ..schedule import FULL_LOOKS_AT_FIRST, SHORT, Countdown, Schedule
from . import hooks
from .activation_looks import ModelActivations
from .counter import StepCounter
from .fit import TRAINER, Fit
from .fit_steps import Step, Switch, Watched
from .heads import with_activations
from .inputs import ModelInput
from .loop_calls import LoopCall, LoopStage
from .loops import Loops
from .losses import LossCalls, LossSeen
from .models import Models
from .names import Names
from .nonfinite import finite, first_place
from .optimizers import Optimizers
from .raised import explain
from .registry import Registry
from .sites import Site
from .stage import current
from .stash import Taken
from .updates import Update, filled
from .wirings import Wirings
from .written import WrittenLosses

# What it takes TensorFlow to hand further results out of a compiled function, in times of what it
# takes to ask whether a loss is finite: with nothing else to do a step of 2.3 ms took 160 to 190 us
# longer where a check took 16 us, and of that the calls in passing are booked as two checks. To
# leave them in a variable, as the steps of `fit` do, takes 40 to 60 us, booked likewise.
_HANDING, _LEAVING = 8, 3

Checks = Callable[[], Sequence[Any]]


class KerasProbe(Probe):
    """Observes losses, predictions, steps and epochs of models that are trained through Keras."""

    framework = "keras tensorflow"

    def __init__(self, context: ProbeContext) -> None:
        super().__init__(context)
        self.tensorflow: Any = sys.modules.get("tensorflow")
        self.plan = Schedule(context.config.budget, context.config.every, SHORT)
        self._patches = Patches()
        self._open_books()

    def _open_books(self) -> None:
        """Nothing has been counted; what has been is still asked for when all is put back."""
        self.counter = StepCounter()
        self._countdowns: dict[Phase, Countdown] = {"train": Countdown(), "eval": Countdown()}
        self._handed_out = 0  # by calls of compiled functions, in times of a check
        self._traced_seconds = 0.0
        self._fresh()
        self._last_flush = self.context.clock()
        self.plan.begin(self._last_flush)

    def _fresh(self) -> None:
        """Empty stores: nothing of the user's stays behind in the probe."""
        self.switch = Switch()
        self.names = Names(self.context)
        self.guard = Guard(self.context, self.plan, self._off)
        self.losses = LossCalls(self.guard, self.take_loss)
        self.written = WrittenLosses(self.guard, self.losses.silent)
        self.fit = Fit(self.switch)
        self.registry = Registry(self.context, self.names)
        self.models = Models(self.context, self.names)
        self.wirings = Wirings(self.context, self.models, self.counter)
        self.optimizers = Optimizers(self.context, self.models, self.plan, self.counter)
        self.loops = Loops(self)
        self._last_flush, self._batches = -math.inf, 0  # counted since then
        self._first_steps_told = False
        self._epochs = 0
        self._told_non_finite = False
        self._on_host: bool | None = None  # where losses are computed
        self._keras = False  # it is there, and attached to

    @classmethod
    def available(cls) -> bool:
        return hasattr(sys.modules.get("tensorflow"), "function")

    @property
    def cost_seconds(self) -> float:
        return self.plan.own_seconds + self._countdowns["train"].passed * self.plan.quick_seconds

    @property
    def fixed_seconds(self) -> float:
        return self._traced_seconds + self.handing_seconds

    @property
    def handing_seconds(self) -> float:
        """What further results of compiled functions have taken."""
        return self._handed_out * self.plan.check_seconds

    def traced_anew(self, seconds: float) -> None:
        """A function that had been traced before has been traced once more, for us."""
        self._traced_seconds = max(self._traced_seconds + seconds, 0.0)

    def handed_out(self) -> None:
        """A compiled function has had further results for us."""
        self._handed_out += _HANDING

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
        self._open_books()
        self.switch.probe = self
        self.losses.attach_to_tensorflow(self._patches)
        self.written.attach(self._patches)
        hooks.attach_to_tensorflow(self._patches, self.switch)
        self.imported()

    def imported(self) -> None:
        keras = sys.modules.get("keras")
        if self.attached and not self._keras and TRAINER in sys.modules and hasattr(keras, "Model"):
            self._keras = True
            self.losses.attach_to_keras(self._patches)
            self.fit.attach(self._patches)
            hooks.attach_to_keras(self._patches, self.switch)

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

    def passes(self, step: Step, taken: Taken) -> bool:
        """A train or test function has run: whether there is nothing to look at."""
        try:
            if taken.compiled:
                self._handed_out += _LEAVING
            if step.phase == "train":
                steps = 1 if step.most == 1 else step.executed()
                if self.optimizers.looking:
                    updates = filled(step.of_models, taken.updates)
                    self.guard.run(self.optimizers.after_execution, updates, steps > 1)
                self.counter.executed += steps
                if not step.known:
                    step.known = True
                    self.guard.run(self.fit.meet_unmoved, self, step.watched.model())
                if step.counted:
                    self.counter.step(steps * step.counted)
                done = self.counter.done
                step.due = self.optimizers.due(step.of_models, done)
                if step.looks is None:
                    step.looks = self._looks_at(step.watched.name)
                for look in step.looks:
                    if done >= look.due:
                        self.guard.run(self._look_at_samples, look, step, taken, done)
                if self.optimizers.lost.sought:
                    self.guard.run(self._weights_are_lost, step, taken)
            return self.lets_pass(step.phase, taken.checks, taken.losses)
        except Exception as error:
            self.guard.fail(error)
            return True

    def _looks_at(self, model: str) -> tuple[ModelActivations | ModelInput, ...]:
        activations = ModelActivations(model, self.plan, self.context.clock)
        return activations, ModelInput(model)

    def _look_at_samples(
        self, look: ModelActivations | ModelInput, step: Step, taken: Taken, done: int
    ) -> None:
        """What a model was given, which has just been trained, or what its layers make of it."""
        model, inputs = step.watched.model(), taken.inputs
        if model is None or inputs is None:
            look.due = sys.maxsize
            return
        found = look.look(model, inputs, done)
        if found is not None:
            self.context.emit(found)

    def _weights_are_lost(self, step: Step, taken: Taken) -> None:
        """Weights are not finite, perhaps of this step's model: a loss that is not tells more."""
        lost = self.optimizers.lost
        if self._told_non_finite:
            lost.close()
        elif not all(map(finite, taken.losses())):
            self._countdowns["train"].left = 0
        elif lost.are_of([update.look.model.name for update in step.of_models]):
            lost.seek(step.watched.inputs, taken.inputs)

    def fitted(self, watched: Watched) -> None:
        """A `fit` has come to its end; what it was given is known for the last time."""
        optimizers = self.optimizers
        if self.counter.done and not self._told_non_finite:
            optimizers.check()
        if optimizers.lost.sought:
            optimizers.lost.seek(watched.inputs, None)
            optimizers.lost.close()

    def begin_look(self, updates: Sequence[Update]) -> None:
        """A training step with these updates, that is due, is about to be run by Python."""
        if current() is None:
            self.optimizers.before_execution(updates)

    def after_execution(self, step: Step, taken: Taken) -> None:
        """One step, or several of which the last is told, is to be looked at."""
        began = self.context.clock()
        at = self.counter.current()
        for key, tensors in taken.given.items():
            seen = step.filled(key, tensors)
            if seen.scores is None and step.phase == "eval" and at == self.counter.done:
                continue  # eagerly it is not known to be the loss that was trained with
            if not taken.compiled:
                seen = with_activations(seen, step.watched.model())
            site = self.registry.site(step.watched, key, seen.loss)
            if site is not None:
                site.most = step.most
                self._take(site, step.phase, at, seen, (step.watched.inputs, taken.inputs))
        self._counted(step.phase, began)

    def loop_losses(self, phase: Phase, calls: list[LoopCall], updated: bool = False) -> None:
        """Losses of a loop that the user has written have their values.

        `updated`: the update of their step has been made already, by the function they come from.
        """
        began = self.context.clock()
        if self.lets_pass(phase, lambda: [call.seen.value for call in calls]):
            return
        self._tell_first_steps()  # before the batch of the next one is taken
        made = phase == "eval" or updated
        at = self.counter.current() if made else self.counter.under_way()
        for call in calls:
            site = self.loops.site(phase, call)
            if site is not None:
                self._take(site, phase, at, self.loops.seen(call), ())
        self._counted(phase, began)

    # -- what is counted --------------------------------------------------------------------------

    def lets_pass(self, phase: Phase, checks: Checks, losses: Checks | None = None) -> bool:
        """Whether there is nothing to look at in a batch.

        Parameters: what gives numbers that are finite only where the losses are; and what gives the
        losses themselves, where these are others.
        """
        countdown = self._countdowns[phase]
        left = countdown.left
        if left <= 0 or (phase == "train" and not self._are_finite(checks, left, losses or checks)):
            return False
        countdown.left = left - 1
        return True

    def _counted(self, phase: Phase, began: float) -> None:
        """A batch has been looked at; not in its turn, where its loss is not finite."""
        countdown = self._countdowns[phase]
        sampler = self.plan.training if phase == "train" else self.plan.evaluation
        due = countdown.left <= 0
        countdown.count()
        if due:
            self._batches += phase == "train"
            now = self.context.clock()
            sampler.book(now - began)
            countdown.grant(self.plan.gap(sampler, now, countdown.passed))
        self._maybe_flush()

    def _take(
        self, site: Site, phase: Phase, at: int, seen: LossSeen, given: Iterable[Any]
    ) -> None:
        site.take(phase, at, seen)
        if phase == "train" and not site.non_finite_told and not finite(seen.value):
            record = first_place(site.name, at, seen, given)
            if record is not None:
                site.non_finite_told = self._told_non_finite = True
                self.context.emit(record)

    def _are_finite(self, checks: Checks, left: int, losses: Checks) -> bool:
        """Whether losses are finite numbers; on a device nobody waits for the answer."""
        if left & self.plan.unchecked or self._told_non_finite or self._on_host is False:
            return True
        asked = perf_counter()
        for value in checks():
            if self._on_host is None:
                self._on_host = "CPU" in value.device
            if self._on_host and not finite(value):
                return checks is not losses and all(map(finite, losses()))
        self.plan.book_check(perf_counter() - asked)
        return True

    def epoch_ended(self, epoch: int) -> None:
        """A model has ended its so manieth epoch of this run; of several models the most count."""
        if epoch > self._epochs and self.counter.done:
            self._epochs = epoch
            self.context.emit(EpochEnded(epoch, self.counter.done))

    # -- flushing ---------------------------------------------------------------------------------

    def _tell_first_steps(self) -> None:
        """What is wired wrongly shows in the first steps, and is not to wait for the next flush."""
        if not self._first_steps_told and self.counter.done >= FULL_LOOKS_AT_FIRST:
            self._first_steps_told = True
            for site in self._sites():
                if site.facts.values_decide or not self.counter.updating:
                    site.flush(self.plan.training.one_in, self.plan.evaluation.one_in)
            self.wirings.flush()
            self.context.first_steps_seen()

    def _maybe_flush(self) -> None:
        self._tell_first_steps()
        now = self.context.clock()
        due = now - self._last_flush >= self.plan.flush_gap(now, self._batches)
        if due or any(site.full for site in self._sites()):
            self._flush(now)

    def _sites(self) -> list[Site]:
        return self.registry.sites() + self.loops.sites()

    def _flush(self, now: float, final: bool = False) -> None:
        self._last_flush, self._batches = now, 0
        for site in self._sites():
            site.flush(self.plan.training.one_in, self.plan.evaluation.one_in)
        self.optimizers.flush()
        if self._told_non_finite:
            self.optimizers.lost.close()
        elif final or not self.fit.running:
            self.optimizers.lost.tell()
        self.wirings.flush(final)
        self.loops.flush()
        done = self.context.clock()
        self.plan.book_flush(done - now)
        training, evaluations = self._countdowns["train"], self._countdowns["eval"]
        pause = self.plan.adapt(done, training.passed, evaluations.passed)
        if pause > training.left:
            training.grant(pause)

    def flush(self) -> None:
        if self.attached:
            self.guard.run(self._flush, self.context.clock(), True)
            if self.context.config.probe and not self.idle:
                self.context.emit(ProbeNote("--probe: only models of PyTorch can be tried"))
