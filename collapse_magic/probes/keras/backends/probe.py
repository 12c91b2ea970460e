"""Watches training with Keras on PyTorch or JAX."""

from __future__ import annotations

import sys
from collections import deque
from dataclasses import replace
from time import perf_counter
from typing import Any, NamedTuple

import numpy as np

from ..fit_steps import Step
from ..heads import heads_of
from ..losses import LossCalls, LossSeen
from ..parcels import Given
from ..probe import KerasProbe
from ..stage import current
from . import jax_fit, torch_fit
from .jax_fit import JaxFit
from .optimizers import HostOptimizers, Rate
from .torch_fit import TorchFit

# Executions whose results are still being computed; of more than these the oldest is waited for.
_MOST_LATE = 32
# Executions in a row that are only counted, and what their results may take (bytes): they are kept
# until it is known that the last loss is finite.
_MOST_PASSING, _MOST_BYTES = 16, 4 * 2**20


class _Late(NamedTuple):
    """An execution whose results may still be on their way."""

    step: Step
    at: int
    given: Given
    counted: bool  # looked at in its turn, not only for a loss that is not finite
    rate: Rate | None


class BackendProbe(KerasProbe):
    """Observes `fit` and its kin where Python starts every step by itself."""

    optimizers: HostOptimizers
    fit: TorchFit | JaxFit

    def _fresh(self) -> None:
        super()._fresh()
        self.backend = _backend() or ""
        self.framework = f"keras {self.backend}"
        self.losses = LossCalls(self.guard, self.take_loss, self.backend)
        self.fit = (TorchFit if self.backend == "torch" else JaxFit)(self.switch, self)
        self.optimizers = HostOptimizers(self.context, self.models, self.plan, self.counter)
        self._late: deque[_Late] = deque()

    @classmethod
    def available(cls) -> bool:
        return _backend() is not None

    def _attach(self) -> None:
        self._open_books()
        self.switch.probe = self
        self.fit.attach(self._patches)

    @property
    def cost_seconds(self) -> float:
        return self.plan.own_seconds  # nothing passes without being timed

    def imported(self) -> None:
        """Nothing is attached to but Keras."""

    # -- events -----------------------------------------------------------------------------------

    def take_loss(self, seen: LossSeen) -> None:
        """A loss was computed; outside of Keras' own training it is no affair of this probe."""
        stage = current()
        if stage is not None:
            stage.note(seen)

    def executed(
        self, step: Step, given: Given, updated: bool = False, rate: Rate | None = None
    ) -> None:
        """A train or test function has been run, or started; `updated`: it ended in an update."""
        training = step.phase == "train"
        to_come = training and self.counter.updating and not updated
        at = self.counter.done + 1 if to_come else self.counter.current()
        countdown = self._countdowns[step.phase]
        left = countdown.left
        counted = left <= 0
        if counted:
            sampler = self.plan.training if training else self.plan.evaluation
            countdown.count()
            countdown.grant(self.plan.gap(sampler, self.context.clock(), countdown.passed))
        else:
            countdown.left = left - 1
        if counted:
            self._late.append(_Late(step, at, given, True, rate))
        elif training and not self._told_non_finite and not left & self.plan.unchecked:
            self._late.append(_Late(step, at, given, False, None))
        self._settle()

    def passing(self, given: Given) -> int:
        """How many of the next training steps need only be counted."""
        size = sum(int(held.nbytes) for tensors in given.values() for held in tensors.values())
        most = min(_MOST_PASSING, _MOST_BYTES // max(size, 1))
        return max(min(self._countdowns["train"].left, most), 0)

    def passed(self, step: Step, given: Given) -> None:
        """A training step that is only counted has been started. As short as can be: after the
        training's own work nothing of ours is in the processor's caches."""
        try:
            counter = self.counter
            counter.executed += 1
            counter.step()
            self._countdowns["train"].left -= 1
            self._late.append(_Late(step, counter.done, given, False, None))
        except Exception as error:
            self.guard.fail(error)

    def _settle(self, wait: bool = False) -> None:
        """Look at what has arrived, in order.

        Of those that are not counted the last one is asked: a loss that is not finite leaves
        weights that are not, and every later loss is like it.
        """
        arrived: list[_Late] = []
        while self._late and (wait or len(self._late) > _MOST_LATE or self._is_here(self._late[0])):
            arrived.append(self._late.popleft())
        unasked = [late for late in arrived if not late.counted]
        suspicious = bool(unasked) and not self._are_finite_now(unasked[-1].given)
        for late in arrived:
            if late.counted or (suspicious and not self._are_finite_now(late.given)):
                self._arrived(late)

    def _is_here(self, late: _Late) -> bool:
        """Whether an execution has its results, which arrive together."""
        first = next(iter(late.given.values()), None)
        return first is None or self.fit.ready(first["value"])

    def _are_finite_now(self, given: Given) -> bool:
        asked = perf_counter()
        host = self.fit.host
        found = all(np.isfinite(host(tensors["value"])).all() for tensors in given.values())
        self.plan.book_check(perf_counter() - asked)
        return found

    def _arrived(self, late: _Late) -> None:
        began = self.context.clock()
        host, step = self.fit.host, late.step
        if late.rate is not None:
            watch, at, value = late.rate
            self.optimizers.tell_rate(watch, at, float(host(value)[-1]))
        for key, tensors in late.given.items():
            known = step.filled(key, {name: host(tensor) for name, tensor in tensors.items()})
            seen = _with_activations(known, step.watched.model())
            site = self.registry.site(step.watched, key, seen.loss)
            if site is not None:
                self._take(site, step.phase, late.at, seen, (step.watched.inputs,))
        if late.counted:
            training = step.phase == "train"
            self._batches += training
            sampler = self.plan.training if training else self.plan.evaluation
            sampler.book(self.context.clock() - began)
        self._maybe_flush()

    def flush(self) -> None:
        if self.attached:
            self.guard.run(self._settle, True)
        super().flush()


def _backend() -> str | None:
    """The backend that Keras runs on; None for TensorFlow, and as long as Keras is not there."""
    if not hasattr(sys.modules.get("keras"), "Model"):
        return None
    for name, module in (("torch", torch_fit.TRAINER), ("jax", jax_fit.TRAINER)):
        if module in sys.modules:
            return name
    return None


def _with_activations(seen: LossSeen, model: Any) -> LossSeen:
    """What was seen of a loss, with the activations that its model ends in.

    Values know nothing of what has made them; the layers of the model do.
    """
    if seen.scores is None or model is None:
        return seen
    units = seen.scores.shape[-1] if seen.scores.ndim else 0
    head = next((head for head in heads_of(model) if units in (0, head.units)), None)
    return seen if head is None else replace(seen, activations=head.activations)
