"""Whether a program is what its header says, by running it plainly."""

from __future__ import annotations

from dataclasses import dataclass

from .kernels import Kernels
from .measure import is_faulty, passes
from .running import Run, run
from .scenario import Scenario


@dataclass(frozen=True)
class Plain:
    """A program as it is and, where it is faulty, with its reference fix."""

    asis: Run
    reference: Run | None
    wrong: tuple[str, ...]  # what is not as the header says


def check(kernels: Kernels, scenario: Scenario) -> Plain:
    """Raises `BrokenProgram`."""
    asis = run(kernels, scenario, scenario.cells)
    if scenario.healthy:
        wrong = [] if passes(asis.measure) else ["it is said to be healthy and does not learn"]
        wrong += _errors(asis, None)
        return Plain(asis, None, tuple(wrong))
    reference = run(kernels, scenario, scenario.fixed)
    wrong = [] if passes(reference.measure) else ["its reference fix does not cure it"]
    if scenario.raises is None and not is_faulty(asis.measure, reference.measure):
        wrong.append("it is said to be faulty and is not, compared with its reference fix")
    wrong += _errors(asis, scenario.raises)
    wrong += [f"with the fix: {says}" for says in _errors(reference, None)]
    return Plain(asis, reference, tuple(wrong))


def _errors(outcome: Run, expected: str | None) -> list[str]:
    if outcome.error == expected:
        return []
    return [f"its training ended in {outcome.error}, not in {expected}"]
