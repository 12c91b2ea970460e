"""Whether gradients are cleared between two steps, seen from one small parameter an optimizer."""

from __future__ import annotations

import weakref
from typing import TYPE_CHECKING, Any

from ...records import TrainingLoop
from ..base import ProbeContext
from .sharded import local

if TYPE_CHECKING:
    from .steps import OptimizerWatch, StepCounter

# Backwards without any step before that is told: loops that accumulate gradients take so many.
_BACKWARDS_BEFORE_STEPLESS = 16


class Loop:
    """The stretches from one step of an optimizer to its next, as far as they are seen whole.

    A stretch is seen whole where each of its backwards was a counted one. Gradients were cleared in
    it if before any of them the parameter had none, or one of nothing but zeros. In a GAN one
    optimizer's gradients are left over while the other one's loss is derived, so a single backward
    would not tell.
    """

    def __init__(self, name: str, parameter: Any, steps: int, backwards: int) -> None:
        self.name = name
        self.parameter = weakref.ref(parameter)
        self.cleared = 0
        self.kept = 0
        self.steps = steps
        self._whole = True
        self._clear = False
        self._last = backwards  # number of the latest backward that was counted
        self._version = -1
        self.told = (0, 0, 0, 0)

    def backward(self, number: int, steps: int) -> None:
        """A counted backward is about to run, the `number`-th, after so many steps."""
        parameter = self.parameter()
        if parameter is None:
            return
        at_once = number == self._last + 1
        stepped = steps - self.steps
        if stepped:
            if stepped == 1 and at_once and self._whole:
                self.cleared += self._clear
                self.kept += not self._clear
            self._whole, self._clear, self.steps = at_once and stepped == 1, False, steps
        elif not at_once:
            self._whole = False
        clear = self._is_clear(parameter, at_once)
        self._clear |= clear is True
        self._whole = self._whole and clear is not None
        self._last = number

    def _is_clear(self, parameter: Any, at_once: bool) -> bool | None:
        """Whether there is no gradient now; None where that would have to be asked of a device."""
        gradient = local(parameter.grad)
        if gradient is None:
            self._version = -1
            return True
        if gradient.is_cpu:
            return not gradient.any()
        # A backward adds to the gradient once, in place; clearing it in place would add one more.
        version, self._version = self._version, gradient._version
        return False if at_once and gradient._version == version + 1 else None


class Loops:
    """All optimizers' loops, and what is told of them at a flush."""

    def __init__(self, context: ProbeContext, counter: StepCounter) -> None:
        self._context = context
        self._counter = counter
        self._loops: dict[int, tuple[weakref.ref[OptimizerWatch], Loop]] = {}
        self._stepless_told = 0

    def before_backward(self) -> None:
        number = self._counter.backwards
        for reference, loop in self._loops.values():
            watch = reference()
            if watch is not None:
                loop.backward(number, watch.steps)

    def knows(self, watch: OptimizerWatch) -> bool:
        known = self._loops.get(id(watch))
        return known is not None and known[0]() is watch and known[1].parameter() is not None

    def before_step(self, watch: OptimizerWatch, parameters: list[Any]) -> None:
        """An optimizer is about to step, and its gradients stand."""
        if self.knows(watch):
            return
        dense = [p for p in parameters if p.grad is not None and not p.grad.is_sparse]
        if dense:
            smallest = min(dense, key=lambda p: int(p.numel()))
            loop = Loop(watch.name, smallest, watch.steps, self._counter.backwards)
            self._loops[id(watch)] = (weakref.ref(watch), loop)

    def flush(self, final: bool) -> None:
        """Tell of a first clearing, a first time without, and of counts that have doubled.

        At the end all that has not been told yet is.
        """
        for key, (reference, loop) in list(self._loops.items()):
            watch = reference()
            if watch is None:
                del self._loops[key]
                continue
            now = (loop.cleared, loop.kept, watch.steps, self._counter.backwards)
            doubled = any(new and new >= 2 * old for new, old in zip(now, loop.told, strict=True))
            if doubled or (final and now != loop.told):
                loop.told = now
                self._tell(loop.name, watch.steps, loop.cleared, loop.kept)
        if not self._counter.taken:
            self._stepless(final)

    def _stepless(self, final: bool) -> None:
        """Backwards, and no step of any optimizer so far."""
        backwards, told = self._counter.backwards, self._stepless_told
        if backwards > _BACKWARDS_BEFORE_STEPLESS and backwards >= (
            told + 1 if final else 2 * told
        ):
            self._stepless_told = backwards
            self._tell("", 0, 0, 0)

    def _tell(self, name: str, steps: int, cleared: int, kept: int) -> None:
        step, backwards = max(self._counter.done, 1), self._counter.backwards
        self._context.emit(TrainingLoop(name, step, backwards, steps, cleared, kept))
