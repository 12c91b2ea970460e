"""Whether gradients are cleared between two steps, seen from one small parameter an optimizer."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from itertools import islice
from threading import get_ident
from typing import TYPE_CHECKING, Any

from ...records import TrainingLoop
from ..base import ProbeContext
from .sharded import local
from .weights import unready

if TYPE_CHECKING:
    from .counter import StepCounter

# Backwards without any step before that is told: loops that accumulate gradients take so many.
_BACKWARDS_BEFORE_STEPLESS = 16
# Stretches after which a loop is known: from then on these of so many backwards are looked at.
_KNOWN_AFTER, _LOOKED_AT, _OUT_OF = 64, 32, 256
# Among so many parameters the smallest is looked for: one is as good as another.
_MOST_COMPARED = 64
# Backwards without a step after which some values of the weights are kept: they may be updated by
# hand, or by an optimizer that is none of torch's.
_KEPT_AFTER = 8
_VALUES = 16  # of each parameter


class Loop:
    """The stretches from one step of an optimizer to its next, as far as they are seen whole.

    A stretch is seen whole where each of its backwards was a counted one. That a step has been made
    shows in the run's steps or, where there are several optimizers, in the version of the parameter
    (which fused ones leave as it is: of those nothing is told). Gradients were cleared in a stretch
    if before any of its backwards the parameter had none, or one of nothing but zeros. In a GAN one
    optimizer's gradients are left over while the other one's loss is derived, so a single backward
    would not tell.

    Only what happens in the optimizer's own thread is looked at. While another thread's backward
    runs, the framework writes to `grad` without the interpreter's lock: reading it then crashes.
    """

    def __init__(self, name: str, optimizer: Any, parameter: Any, backwards: int) -> None:
        self.name = name
        self.optimizer = weakref.ref(optimizer)
        self.parameter = weakref.ref(parameter)
        self.cleared = 0
        self.kept = 0
        self._thread = get_ident()  # in which the optimizer steps
        self.told = (0, 0, 0, 0)
        self._stamp = (False, -1)  # at the latest counted backward
        self._last = backwards  # number of that backward
        self._gradient = -1  # version of the gradient then
        self._whole = False  # the step that is about to be made is the first
        self._clear = False

    def backward(self, number: int, steps: int | None) -> None:
        """A counted backward is about to run, the `number`-th of the run.

        Parameters: its number, and the steps so far where there is no other optimizer.
        """
        parameter = self.parameter()
        if parameter is None or get_ident() != self._thread:
            return
        at_once = number == self._last + 1
        stamp = (steps is None, parameter._version if steps is None else steps)
        if stamp != self._stamp:
            if at_once and self._whole and stamp[0] == self._stamp[0]:
                self.cleared += self._clear
                self.kept += not self._clear
            self._whole = at_once and stamp[0] == self._stamp[0]
            self._clear, self._stamp = False, stamp
        elif not at_once:
            self._whole = False
        clear = self._is_clear(parameter, at_once)
        self._clear |= clear is True
        self._whole = self._whole and clear is not None
        self._last = number

    def _is_clear(self, parameter: Any, at_once: bool) -> bool | None:
        """Whether there is no gradient now; None where that would have to be asked of a device."""
        gradient = parameter.grad
        if gradient is None:
            self._gradient = -1
            return True
        gradient = local(gradient)
        if gradient.is_cpu:
            return not gradient.any()
        # A backward adds to the gradient once, in place; clearing it in place would add one more.
        version, self._gradient = self._gradient, gradient._version
        return False if at_once and gradient._version == version + 1 else None


class Weights:
    """Some values of some parameters, by which it is seen whether they move."""

    def __init__(self, parameters: list[Any]) -> None:
        kept = [p for p in parameters[:_MOST_COMPARED] if not unready(p)]
        self._kept = [(weakref.ref(p), _some(p).clone()) for p in kept]

    def moved(self) -> bool:
        """Whether any of them has changed since."""
        return any(
            bool((_some(p) != before).any())
            for reference, before in self._kept
            if (p := reference()) is not None
        )


def _some(parameter: Any) -> Any:
    return local(parameter.detach()).reshape(-1)[:_VALUES]


class Loops:
    """All optimizers' loops, and what is told of them at a flush.

    `parameters` gives those that losses have reached so far.
    """

    def __init__(
        self, context: ProbeContext, counter: StepCounter, parameters: Callable[[], list[Any]]
    ) -> None:
        self._context = context
        self._counter = counter
        self._parameters = parameters
        self._weights: Weights | None = None  # kept while no optimizer has stepped
        self._loops: dict[int, Loop] = {}  # by id of the optimizer
        self._stepless_told = 0

    def before_backward(self) -> None:
        number = self._counter.backwards
        if self._weights is None and number > _KEPT_AFTER and not self._counter.taken:
            self._weights = Weights(self._parameters())
        steps = self._counter.taken if len(self._loops) == 1 else None
        for loop in self._loops.values():
            if loop.cleared + loop.kept < _KNOWN_AFTER or number % _OUT_OF < _LOOKED_AT:
                loop.backward(number, steps)

    def knows(self, optimizer: Any) -> bool:
        known = self._loops.get(id(optimizer))
        return (
            known is not None and known.optimizer() is optimizer and known.parameter() is not None
        )

    def before_step(self, optimizer: Any, name: str, parameters: list[Any]) -> None:
        """An optimizer is about to step, and its gradients stand."""
        if self.knows(optimizer):
            return
        dense = (p for p in parameters if p.grad is not None and not p.grad.is_sparse)
        smallest = min(islice(dense, _MOST_COMPARED), key=lambda p: int(p.numel()), default=None)
        if smallest is not None:
            loop = Loop(name, optimizer, smallest, self._counter.backwards)
            self._loops[id(optimizer)] = loop

    def flush(self, final: bool) -> None:
        """Tell of a first clearing, a first time without, and of counts that have doubled.

        At the end all that has not been told yet is.
        """
        for key, loop in list(self._loops.items()):
            if loop.optimizer() is None:
                del self._loops[key]
                continue
            now = (loop.cleared, loop.kept, self._counter.taken, self._counter.backwards)
            doubled = any(new and new >= 2 * old for new, old in zip(now, loop.told, strict=True))
            if doubled or (final and now != loop.told):
                loop.told = now
                self._tell(loop.name, loop.cleared, loop.kept)
        if not self._counter.taken:
            self._stepless(final)

    def _stepless(self, final: bool) -> None:
        """Backwards, no step of any optimizer so far, and weights that nothing else has moved."""
        backwards, told = self._counter.backwards, self._stepless_told
        if backwards > _BACKWARDS_BEFORE_STEPLESS and backwards >= (
            told + 1 if final else 2 * told
        ):
            self._stepless_told = backwards
            if self._weights is not None and not self._weights.moved():
                self._tell("", 0, 0)

    def _tell(self, name: str, cleared: int, kept: int) -> None:
        counter = self._counter
        step = max(counter.done, 1)
        self._context.emit(
            TrainingLoop(name, step, counter.backwards, counter.taken, cleared, kept)
        )
