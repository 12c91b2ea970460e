"""The number of the step that the training is at."""

from __future__ import annotations

from ..schedule import Countdown

# Backwards without any optimizer step after which the loop is taken to update its weights by hand.
_BACKWARDS_BEFORE_STEPLESS = 16


class StepCounter:
    """The number of the current step: optimizer steps where there are any, else backwards.

    As long as neither is sure, `now` hands out provisional (negative) numbers that `known` settles.
    """

    def __init__(self, backwards: Countdown, steps: Countdown) -> None:
        self._backwards, self._steps = backwards, steps
        self._by_hand = 0  # backwards counted as steps

    @property
    def backwards(self) -> int:
        return self._backwards.passed

    @property
    def taken(self) -> int:
        """Optimizer steps."""
        return self._steps.passed

    @property
    def done(self) -> int:
        """Finished steps of the run so far."""
        taken = self.taken
        return self._by_hand + taken if taken else self.backwards

    @property
    def settled(self) -> bool:
        return self.taken > 0 or self.backwards > _BACKWARDS_BEFORE_STEPLESS

    def now(self) -> int:
        taken = self.taken
        if taken:
            return self._by_hand + taken + 1
        backwards = self.backwards
        return backwards if backwards > _BACKWARDS_BEFORE_STEPLESS else -max(backwards, 1)

    def step(self) -> None:
        """An optimizer has stepped."""
        if not self.taken and self.backwards > _BACKWARDS_BEFORE_STEPLESS:
            self._by_hand = self.backwards - 1  # the backwards so far were steps of their own
        self._steps.count()

    def current(self) -> int:
        """`now` for a record that cannot wait: before any step is sure, step 1."""
        return max(self.now(), 1)

    def known(self, step: int) -> int:
        if step > 0:
            return step
        return 1 if self.taken and not self._by_hand else -step
