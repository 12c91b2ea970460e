"""When the rules run: by the clock, by the number of steps, and at once for what is certain."""

from __future__ import annotations

from collections.abc import Callable

from ..probes.schedule import FULL_LOOKS_AT_FIRST, SHORT_RUN_SECONDS
from ..records import LossRaised, NonFinite, PredictionWindow, Record

# Rounds by the number of steps, as long as so much of what a short run may cost is left.
LEFT_FOR_ROUNDS = 0.3 * SHORT_RUN_SECONDS


class Rounds:
    """A round is due when the clock says so, and after twice the steps of the one before.

    One comes when the first steps are over, of which the session is told: what is wired wrongly is
    known then, and is to be said before the cell runs for an hour.

    A training of a second is over before it has had two rounds by the clock; and what is found by
    the number of steps is found whether the machine is fast or slow.
    """

    def __init__(self) -> None:
        self._steps = FULL_LOOKS_AT_FIRST  # of the run at the last round, but those of the first

    def is_due(self, record: Record, steps: int, by_clock: bool, left: Callable[[], float]) -> bool:
        """Parameters: the record that has come, the steps that the run has made, whether it is
        time, and what the run may still be charged with (s)."""
        if by_clock or isinstance(record, LossRaised):
            return True
        if isinstance(record, NonFinite) and steps <= FULL_LOOKS_AT_FIRST:
            return True
        if not isinstance(record, PredictionWindow) or steps < 2 * self._steps:
            return False
        return left() >= LEFT_FOR_ROUNDS

    def done(self, steps: int) -> None:
        self._steps = max(steps, FULL_LOOKS_AT_FIRST)
