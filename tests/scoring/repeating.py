"""Whether what is said of a program hangs on which of its batches happened to be counted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from .judging import Judged
from .kernels import Kernels
from .running import run, watch_line
from .scenario import Scenario


@dataclass(frozen=True)
class Repeated:
    """A program watched several times, each time with other batches counted."""

    scenario: Scenario
    runs: tuple[Judged, ...]

    @property
    def first(self) -> Counter[str]:
        """The first findings, and how often each was; "nothing" where there was none."""
        return Counter(judged.named[0] if judged.named else "nothing" for judged in self.runs)

    @property
    def steady(self) -> bool:
        """Whether all runs came to one verdict, and it is right."""
        alike = self.scenario.healthy or len(self.first) == 1
        return alike and all(judged.right for judged in self.runs)

    def __str__(self) -> str:
        found = ", ".join(f"{rule} {count}" for rule, count in self.first.most_common())
        alarms = Counter(rule for judged in self.runs for rule in judged.alarms)
        told = "".join(f"; alarms: {rule} {count}" for rule, count in alarms.most_common())
        mark = "steady" if self.steady else "FLIPS " if len(self.first) > 1 else "WRONG "
        return f"{mark}  {self.scenario.slug}: {found}{told if self.scenario.healthy else ''}"


def repeat(kernels: Kernels, scenario: Scenario, seeds: Sequence[int], options: str) -> Repeated:
    """Watch a program once with every seed of the tool's own choice of batches.

    Raises `BrokenProgram`.
    """
    runs = []
    watch = watch_line(scenario, options)
    for seed in seeds:
        seen = run(kernels, scenario, scenario.cells, watch=watch, seed=seed)
        assert seen.report is not None
        runs.append(Judged(scenario, tuple(seen.report["findings"]), seen.fired))
    return Repeated(scenario, tuple(runs))
