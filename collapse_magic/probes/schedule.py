"""How often to look, so that watching stays within its share of the training's time.

The probe's own time is measured where it is spent. Two things can be done less often: counting the
predictions of a batch (one in `one_in` backwards), and taking full layer statistics (every
`layer_gap` steps). The gaps between counted batches vary at random around their mean, because a
fixed gap could fall in step with alternating losses or with the order of the data; the generator is
the schedule's own, so the user's random state is not touched.
"""

from __future__ import annotations

import math
import random

# A short run may exceed the percentage: a toy that trains for a second would else show nothing.
GRACE_SECONDS = 0.05
# How the budget is shared out; the rest is for calls too short to be timed, and for the rules.
_PREDICTION_SHARE = 0.4
_LAYER_SHARE = 0.2
_BATCHES_PER_FLUSH = 64
_MOST_ONE_IN = 256
_MOST_LAYER_GAP = 5000
_MOST_QUICK = 2e-5  # what took longer was interrupted by something else
FULL_LOOKS_AT_FIRST = 3  # steps 1 to 3: structural mistakes are said by step 3


class Schedule:
    """Keeps the books: time spent, time trained, and from both how often to look."""

    def __init__(self, budget_percent: float, every: int | None = None) -> None:
        self.budget = max(budget_percent, 0.0) / 100
        self.every = every
        self.own_seconds = 0.0
        self.quick_seconds = 1e-6  # of a call in which nothing is due
        self.one_in = 1
        self._counted = 0
        self._counting_seconds = 0.0  # copying and noting batches since the last `adapt`
        self._flush_seconds = 0.0  # of the last flush
        self._random = random.Random(0)  # noqa: S311 - for sampling
        self.until_next = 0  # backwards to let pass before the next counted one
        self._mark: tuple[float, float, int] | None = None
        self._backward_seconds = 0.0  # the training's own time per backward, lately

    def due(self) -> bool:
        """Whether this backward is one to count; to be asked once per backward."""
        if self.until_next > 0:
            self.until_next -= 1
            return False
        if self.one_in > 1:
            self.until_next = self._random.randrange(2 * self.one_in - 1)
        return True

    def book_quick(self, seconds: float) -> None:
        """Learn what one call takes in which nothing is due; too short to be timed each time."""
        self.quick_seconds += (min(seconds, _MOST_QUICK) - self.quick_seconds) / 8

    def book_count(self, seconds: float) -> None:
        """One batch was counted, in so many seconds."""
        self._counted += 1
        self._counting_seconds += seconds

    def book_flush(self, seconds: float) -> None:
        self._flush_seconds = seconds

    def adapt(self, now: float, backwards: int) -> None:
        """Set `one_in` from what the last stretch of training and of counting took.

        Only what grows with the counted batches is held against them: were the layers' looks and
        the flushes by the clock counted in, fewer batches would make each seem dearer, and so on.

        Parameters: the clock (s), and how many backwards were seen since the start.
        """
        mark = self._mark
        if mark is None:
            self._begin_stretch(now, backwards)
            return
        began, own_before, backwards_before = mark
        passed = backwards - backwards_before
        if passed < 8 or self._counted < 1:  # too few to judge by
            return
        own = self.own_seconds - own_before
        self._backward_seconds = max((now - began - own) / passed, 1e-7)
        one_count = self._counting_seconds / self._counted
        one_count += self._flush_seconds / _BATCHES_PER_FLUSH
        self._begin_stretch(now, backwards)
        if self.own_seconds < GRACE_SECONDS:
            return
        allowed = self.budget * _PREDICTION_SHARE * self._backward_seconds
        wanted = one_count / allowed if allowed > 0 else _MOST_ONE_IN
        exact = 2 ** math.ceil(math.log2(max(wanted, 1.0)))
        # One slow stretch (a busy machine) must not silence the counting: go stepwise.
        self.one_in = int(min(max(exact, self.one_in // 2), self.one_in * 4, _MOST_ONE_IN))

    def _begin_stretch(self, now: float, backwards: int) -> None:
        self._mark = (now, self.own_seconds, backwards)
        self._counted, self._counting_seconds = 0, 0.0

    def layer_gap(self, look_seconds: float, step_seconds: float) -> int:
        """Steps until the next full look at the layers, from what a look and a step take (s)."""
        if self.every is not None:
            return max(self.every, 1)
        allowed = self.budget * _LAYER_SHARE * max(step_seconds, 1e-7)
        if allowed <= 0:
            return _MOST_LAYER_GAP
        return int(min(max(math.ceil(look_seconds / allowed), 1), _MOST_LAYER_GAP))
