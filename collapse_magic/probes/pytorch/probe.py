"""Watches PyTorch training: a wrapper around backward, hooks around optimizer steps."""

from __future__ import annotations

import math
import sys
from contextlib import ExitStack
from functools import partial
from time import perf_counter
from types import CodeType, FrameType
from typing import Any

from ...records import LossRaised
from ..base import Probe, ProbeContext
from ..guard import Guard
from ..patching import Patches
from ..schedule import FLUSH_SECONDS, FULL_LOOKS_AT_FIRST, SHORT, Schedule
from . import (
    compiler,
    graph,
    handwritten,
    hooks,
    raised,
    roots,
)
from .by_heart import ByHeart
from .counter import StepCounter
from .epochs import Epochs
from .evaluation import Evaluation
from .hooks import Switch
from .inspection import Inspection
from .lanes import Lane, lane_of
from .names import Names
from .nan_reports import NanReports
from .registry import Registry
from .scaling import Scaling
from .sites import Site
from .steps import Steps
from .transfer import Transfers, capturing

_FIRST_STEPS = 6  # backwards; in which the first looks come
_MOST_PLACES = 1024  # where a derivative is asked for: code may be made anew at every step
_SURELY_NO_LOSS = 16  # derivatives of something else at one place, in a row


class TorchProbe(Probe):
    """Observes losses, predictions, optimizer steps, layers, epochs and evaluation."""

    framework = "torch"

    def __init__(self, context: ProbeContext) -> None:
        super().__init__(context)
        self._torch: Any = sys.modules["torch"]
        self._switch = Switch()
        self._patches = Patches()
        self._handles: list[Any] = []
        self.clock = context.clock
        self.plan = Schedule(context.config.budget, context.config.every, SHORT)
        self.guard = Guard(context, self.plan, self._give_up, self._after_each)
        self.counter = StepCounter(self._switch.backwards, self._switch.steps)
        self._fresh()

    def _fresh(self) -> None:
        """Empty stores: nothing of the user's stays behind in the probe."""
        self._names = Names(self.context, self._torch)
        self.transfers = Transfers(self._torch, self.context.clock)
        self.steps_watch = Steps(
            self.context, self._names, self.plan, self.counter, self._switch, self.transfers
        )
        self._inspection = Inspection(self.context, self._names, self.counter, self.transfers)
        self.steps_watch.inspection = self._inspection
        self._registry = Registry(self.context, self._names, self.counter, self.transfers)
        self._nans = NanReports(self.context, self.transfers)
        self._scaling = Scaling(self._names, self._torch)
        self._backward_code = self._torch.Tensor.backward.__code__
        self._codes: dict[int, CodeType] = {}
        self._lanes: dict[tuple[int, int], Lane] = {}  # by place, whose code the registry keeps
        self._grad_places: dict[tuple[int, int], int] = {}
        self._last_flush = -math.inf
        self._first_steps_told = False
        self._by_heart = ByHeart(self.context, self._torch)
        self._counted = 0  # backwards since the last flush
        self._evaluation = Evaluation(
            self.context, self._names, self.counter, self.transfers, self._registry
        )
        self.epochs = Epochs(self.context, self.counter)

    @classmethod
    def available(cls) -> bool:
        return "torch" in sys.modules and hasattr(sys.modules["torch"], "autograd")

    @property
    def cost_seconds(self) -> float:
        return self.plan.own_seconds + self.counter.backwards * self.plan.quick_seconds

    @property
    def steps(self) -> int:
        """Finished steps of the run so far."""
        return self.counter.done

    # -- attaching --------------------------------------------------------------------------------

    def _attach(self) -> None:
        torch = self._torch
        self._switch = Switch()  # replacements that had to stay behind keep the old one, off
        self._switch.probe = self
        self.counter = StepCounter(self._switch.backwards, self._switch.steps)
        self._fresh()
        self._last_flush = self.context.clock()
        self.plan.begin(self._last_flush)
        switch = self._switch
        wrappers = [
            self._patches.replace(torch.autograd, name, partial(wrapper, switch=switch))
            for name, wrapper in (
                ("backward", hooks.around_backward),
                ("grad", hooks.around_grad),
            )
        ]
        optim = sys.modules["torch.optim.optimizer"]
        around_step = hooks.before_step(switch), hooks.after_step(switch)
        self._handles = [optim.register_optimizer_step_pre_hook(around_step[0])]
        self.steps_watch.after_hook = around_step[1]
        loader = sys.modules.get("torch.utils.data.dataloader")
        if loader is not None:
            self._patches.replace(
                loader._BaseDataLoaderIter,
                "__next__",
                lambda original: hooks.around_next(original, switch),
            )
        compiler.keep_out(torch, (*wrappers, *around_step), (Guard.run,))
        self._evaluation.attach(self._patches, switch)
        if self.context.config.probe:
            self._by_heart.attach()

    def _detach(self) -> None:
        handles, self._handles = self._handles, []
        with ExitStack() as duties:  # the last one first, each of them whatever became of another
            duties.callback(self._fresh)
            duties.callback(self._by_heart.release)
            duties.callback(self._evaluation.detach)
            duties.callback(self.steps_watch.release)
            for handle in handles:
                duties.callback(handle.remove)
            duties.callback(self._patches.restore)
            duties.callback(self._switch.off)

    def stand_aside(self) -> None:
        self._switch.off()

    def come_back(self, epochs: bool = True) -> None:
        if self.attached and not self.guard.broken:
            self._switch.probe = self
            self.epochs.told_elsewhere = not epochs

    def _give_up(self) -> None:
        self._switch.off()
        self.transfers.clear()

    def _after_each(self) -> None:
        """What follows each piece of work of ours."""
        self._names.forget_trees(keep=self.counter.backwards <= _FIRST_STEPS)
        if self._switch.steps.left and self.context.stop_reason() is not None:
            self._switch.steps.grant(0)  # the cell ends with this step: it must not pass

    # -- events -----------------------------------------------------------------------------------

    def before_backward(self, tensors: Any, gradients: Any, caller: FrameType) -> None:
        """One backward is about to run: look at its losses and their graphs."""
        if (
            gradients is None
            and self._switch.backwards.left <= 0
            and self._as_before(tensors, caller)
        ):
            return
        losses = roots.losses(tensors, gradients, self._torch)
        if losses:
            self._backward_of(losses, caller)

    def _as_before(self, loss: Any, caller: FrameType) -> bool:
        """Count a batch that is like the one before it at the same place, if it is."""
        frame = self._caller(caller)
        lane = self._lanes.get((id(frame.f_code), frame.f_lasti))
        taken = self.counter.taken
        if lane is None or not taken:
            return False
        began = self.clock()
        if not lane.take(loss, self.counter.now(), self._torch.Tensor):
            return False
        self._switch.backwards.count()
        self.transfers.poll()
        self.steps_watch.before_backward()
        now = self._counted_one(began)
        if self._inspection.again(lane.key):
            self._inspection.look_at(lane.key, loss.grad_fn, [lane.site], frame)
        self._maybe_flush(lane.site.full, now)
        return True

    def _counted_one(self, began: float) -> float:
        """Book a counted batch, and let the next ones pass; gives the time (s)."""
        countdown, now = self._switch.backwards, self.clock()
        self.plan.training.book(now - began)
        countdown.grant(self.plan.gap(self.plan.training, now, countdown.passed))
        self._counted += 1
        return now

    def before_grad(self, outputs: Any, caller: FrameType) -> None:
        """`torch.autograd.grad` is about to run: training, where a loss is derived."""
        place = (id(caller.f_code), caller.f_lasti)
        others = self._grad_places.get(place, 0)
        if others >= _SURELY_NO_LOSS or len(self._grad_places) > _MOST_PLACES:
            return
        losses = roots.losses(outputs, None, self._torch)
        if len(losses) != 1:
            return
        root = losses[0][0]
        left = self._switch.backwards.left
        known_loss = others < 0
        if known_loss and left > 0 and (not root.is_cpu or math.isfinite(root.item())):
            self._switch.backwards.left = left - 1
        elif known_loss or graph.losses(root.grad_fn, handwritten.recognise):
            self._note_place(place, caller, -1)
            self._backward_of(losses, caller, adds=False)
        else:
            self._note_place(place, caller, others + 1)

    def _note_place(self, place: tuple[int, int], caller: FrameType, others: int) -> None:
        self._codes[place[0]] = caller.f_code  # kept, so that its id stays its own
        self._grad_places[place] = others

    def _backward_of(
        self, losses: list[tuple[Any, Any | None]], caller: FrameType, *, adds: bool = True
    ) -> None:
        began = self.clock()
        countdown = self._switch.backwards
        due = countdown.left <= 0
        countdown.count()
        if due and capturing(self._torch):
            return
        self.transfers.poll()
        frame = self._caller(caller)
        full, taken = False, []
        for order, (root, weights) in enumerate(losses):
            amount = self._amount(roots.amount(root, weights))
            finite = not isinstance(amount, float) or math.isfinite(amount)
            if due or not finite:
                place = (id(frame.f_code), frame.f_lasti, order)
                sites = self._take(root, amount, finite, place, frame)
                taken.append((root.grad_fn, sites))
                full = full or any(site.full for site in sites)
                if self._by_heart.waits:
                    self._by_heart.meet(sites)
        now = began
        if due:
            samples = [site.samples for _, sites in taken for site in sites]
            self.plan.training.meet(max(samples, default=0))
            now = self._counted_one(began)
            for node, sites in taken:
                self._inspection.before_backward(node, sites, frame, adds=adds)
            if len(taken) == len(losses) == 1 and losses[0][1] is None:
                self._keep_lane(taken[0][0], frame)
        self._maybe_flush(full, now)

    def _keep_lane(self, root: Any, frame: FrameType) -> None:
        place = (id(frame.f_code), frame.f_lasti)
        route = self._registry.only_route((*place, 0))
        if route is None or route.site is None or root is None:
            return
        known = self._lanes.get(place)
        if known is None or not known.still_holds(route.site):
            lane = lane_of(route, root, route.site.batches)
            if lane is not None:
                self._lanes[place] = lane

    def _amount(self, loss: Any) -> Any:
        """A loss as a number; on a device nobody waits for the answer, and it stays a tensor."""
        if not loss.is_cpu:
            self._switch.unchecked = -1
            return loss
        asked = perf_counter()
        value = float(loss.item())
        self.plan.book_check(perf_counter() - asked)
        return value

    def _take(
        self, root: Any, amount: Any, finite: bool, place: tuple[int, ...], frame: FrameType
    ) -> list[Site]:
        """Note one loss and what its graph holds; returns its sites."""
        self.steps_watch.before_backward()
        scale = self._scaling.factor(root, frame)
        if scale is not None:
            amount = amount / (scale.item() if isinstance(amount, float) else scale)
        value = amount if isinstance(amount, float) else amount.clone()
        step = self.counter.now()
        sites: list[Site] = []
        for site, node, written in self._registry.of(root.grad_fn, place, frame):
            if sites[-1:] != [site]:
                site.take_loss(step, value)
                sites.append(site)
            if node is not None:
                site.take_node(node, written, step)
            self._nans.ask_the_data(site, root if node is None else node, step)
            if not finite:
                self._nans.tell(site, node, written, root, max(step, 1))
        return sites

    def before_step(self, optimizer: Any, caller: FrameType) -> None:
        self.steps_watch.before(optimizer, caller)

    def after_step(self) -> str | None:
        if not self.steps_watch.after():
            return None
        if not self._first_steps_told and self.counter.taken >= FULL_LOOKS_AT_FIRST:
            self._tell_first_steps()
        return self.context.stop_reason()

    def _tell_first_steps(self) -> None:
        """What is wired wrongly shows in the first steps, and is not to wait for the next flush."""
        self._first_steps_told = True
        for site in self._registry.trained():
            if site.facts.values_decide:
                site.flush(self.plan.training.one_in, 1, self.counter.known)
        self._inspection.flush()
        self.transfers.when_arrived(self.context.first_steps_seen)

    def evaluated(self, loss: str, scores: Any, targets: Any) -> None:
        began = self.clock()
        countdown = self._switch.evaluations
        countdown.count()
        full = self._evaluation.take(loss, scores, targets)
        now = self.clock()
        self.plan.evaluation.book(now - began)
        countdown.grant(self.plan.gap(self.plan.evaluation, now, countdown.passed))
        if full:
            self._flush(self.clock())

    def before_batch(self, iterator: Any) -> None:
        self.epochs.before_batch(iterator)

    def after_pass(self, iterator: Any) -> None:
        self.epochs.after_last(iterator)

    def all_sites(self) -> list[Site]:
        return list(dict.fromkeys([*self._registry.trained(), *self._evaluation.sites()]))

    # -- flushing ---------------------------------------------------------------------------------

    def _maybe_flush(self, full: bool, now: float) -> None:
        since = now - self._last_flush
        if not full and (since < FLUSH_SECONDS or since < self.plan.flush_gap(now, self._counted)):
            return
        if not self.counter.settled:
            return
        self._flush(now)

    def _flush(self, now: float, final: bool = False) -> None:
        if capturing(self._torch):
            return
        self._last_flush, self._counted = now, 0
        self.transfers.poll()
        for site in self.all_sites():
            site.flush(self.plan.training.one_in, self.plan.evaluation.one_in, self.counter.known)
        self.steps_watch.flush()
        self._inspection.flush(final)
        done = self.context.clock()
        self.plan.book_flush(done - now)
        switch = self._switch
        pause = self.plan.adapt(done, self.counter.backwards, switch.evaluations.passed)
        if switch.unchecked >= 0:
            switch.unchecked = self.plan.unchecked
        if pause > switch.backwards.left:
            switch.backwards.grant(pause)

    def flush(self) -> None:
        if self.attached and not self.guard.broken:
            self.guard.run(self._finish)
            self.guard.run(self.epochs.settle)

    def _finish(self) -> None:
        """Nothing is held back any more; this once a device is waited for."""
        self.transfers.finish()  # makes room for what is sent now
        self._flush(self.clock(), final=True)
        self.transfers.finish()
        for site in self.all_sites():
            site.settle()
        if self.context.config.probe and self.counter.backwards:
            self._switch.off()  # what the copy does is no training of the user's
            self._by_heart.run(self.counter.done)

    def explain(self, error: BaseException) -> LossRaised | None:
        if isinstance(error, KeyboardInterrupt):
            self._by_heart.interrupt()
        try:
            if raised.at_backward(error):
                self._inspection.nothing_reached(raised.deepest_frame(error))
            return raised.explain(error, self.context, self.counter.current(), self._torch)
        except Exception:
            return None

    def _caller(self, frame: FrameType) -> FrameType:
        """The frame that called backward, Tensor.backward itself left out."""
        while frame.f_code is self._backward_code and frame.f_back is not None:
            frame = frame.f_back
        return frame
