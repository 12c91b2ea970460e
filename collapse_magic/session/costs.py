"""What a run has cost so far, and when the rules may run again."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress

from ..probes import Probe
from ..probes.schedule import SHORT_RUN_SECONDS

# Rules look at windows of hundreds of samples: twice a second is as often as a reader can follow.
_UPDATE_SECONDS = 0.5
# Rules and rendering may take this part of the budget; where one round takes long, rounds become
# rarer.
_UPDATE_SHARE_OF_BUDGET = 0.25


class Costs:
    """The session's books. All times in seconds of the session's clock.

    Attributes
        rounds: what rules, cards and the log have taken.
        attaching: what it took to take hold of the frameworks; no matter of the run's length.
    """

    def __init__(self, probes: Sequence[Probe]) -> None:
        self.rounds = 0.0
        self.attaching = 0.0
        self._probes = probes  # the session's list, which grows
        self._next_round = 0.0

    def begin(self, now: float) -> None:
        """The training begins: in half a second there is something to say."""
        self._next_round = now + _UPDATE_SECONDS

    def round_is_due(self, now: float) -> bool:
        return now >= self._next_round

    def book_round(self, began: float, ended: float, budget: float) -> None:
        """One round of rules is over; `budget` in percent of the run's time."""
        took = ended - began
        self.rounds += took
        share = max(budget, 0.1) / 100 * _UPDATE_SHARE_OF_BUDGET
        self._next_round = began + max(_UPDATE_SECONDS, took / share)

    def spent(self) -> float:
        """What is held against the budget."""
        return self.rounds + self._of_probes("cost_seconds")

    def in_all(self) -> float:
        """Besides that what comes once, and cannot be had for less."""
        return self.spent() + self.attaching + self._of_probes("fixed_seconds")

    def left(self, seconds: float, budget: float) -> float:
        """What a run that has lasted so long may still be charged with; `budget` in percent."""
        return max(SHORT_RUN_SECONDS, budget / 100 * seconds) - self.spent()

    def _of_probes(self, name: str) -> float:
        seconds = 0.0
        for probe in self._probes:
            with suppress(Exception):
                seconds += getattr(probe, name, 0.0)
        return seconds
