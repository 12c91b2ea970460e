"""What the tool said of a program, against what is true of it."""

from __future__ import annotations

import traceback
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from .kernels import Kernels
from .measure import is_cured
from .plain import Plain, check
from .running import BrokenProgram, Fired, Run, run, watch_line
from .scenario import Scenario


@dataclass(frozen=True)
class FixTried:
    """The fix of the first finding, put in place of the user's cells and run plainly."""

    code: bool = False  # it is code for the user's cells, not an example, not nothing
    runs: bool = False
    cures: bool = False


@dataclass(frozen=True)
class Judged:
    """One program, watched. ``findings`` are those of the report, as JSON, in its order."""

    scenario: Scenario
    findings: tuple[Mapping[str, Any], ...] = ()
    fired: Mapping[str, Fired] = field(default_factory=dict)  # by rule: the first time
    steps: int = 0
    equal: bool = True  # watched and plain, to the bit
    fix: FixTried | None = None  # None: there is nothing to fix, or nothing was named
    invalid: tuple[str, ...] = ()  # why the program or its run is of no use

    @property
    def named(self) -> tuple[str, ...]:
        """The rules whose findings stand at the end, the cause to fix first at the head."""
        return tuple(found["rule"] for found in self.findings if found["resolved_step"] is None)

    @property
    def first(self) -> Mapping[str, Any] | None:
        return next((f for f in self.findings if f["resolved_step"] is None), None)

    @property
    def alarms(self) -> tuple[str, ...]:
        """Rules that warned at any time, withdrawn or not."""
        return tuple(found["rule"] for found in self.findings if found["severity"] != "info")

    @property
    def advice(self) -> tuple[str, ...]:
        return tuple(found["rule"] for found in self.findings if found["severity"] == "info")

    @property
    def first_is_right(self) -> bool:
        return bool(self.named) and self.named[0] in self.scenario.right

    @property
    def among_three(self) -> bool:
        return bool(self.scenario.right & set(self.named[:3]))

    @property
    def right(self) -> bool:
        """Whether the verdict is right: the true cause first, or no alarm where all is well."""
        return not self.alarms if self.scenario.healthy else self.first_is_right

    @property
    def answer(self) -> Fired | None:
        """When a right answer first fired, if one stands at the end; the earliest of several."""
        right = self.scenario.right & set(self.named)
        return min((self.fired[rule] for rule in right), default=None)

    def share(self, step: int) -> float:
        """The share of the run that was over before a step."""
        return max(0, step - 1) / max(1, self.steps)


def judge(kernels: Kernels, scenario: Scenario, options: str = "") -> Judged:
    """Run a program plainly, with its reference fix, watched, and with the fix it was given."""
    try:
        plain = check(kernels, scenario)
        judged, watched = watch(kernels, scenario, plain.asis, options)
        judged = replace(judged, invalid=plain.wrong + judged.invalid)
        if scenario.healthy or judged.first is None:
            return judged
        return replace(judged, fix=_tried(kernels, scenario, plain, watched, judged.first["fix"]))
    except Exception:  # one broken program does not end the others
        return Judged(scenario, invalid=(traceback.format_exc(limit=-1),))


def watch(kernels: Kernels, scenario: Scenario, asis: Run, options: str = "") -> tuple[Judged, Run]:
    """Run a program watched and compare it with the plain run. Raises `BrokenProgram`."""
    watched = run(kernels, scenario, scenario.cells, watch=watch_line(scenario, options))
    report = watched.report
    assert report is not None
    equal = watched.same_predictions(asis)
    # Only a program that comes to the same every time can show that watching changed it.
    steady = equal or run(kernels, scenario, scenario.cells).same_predictions(asis)
    invalid = [note for note in report["notes"] if _cut_short(note)]
    invalid += [] if steady else ["it differs from run to run"]
    judged = Judged(
        scenario,
        tuple(report["findings"]),
        watched.fired,
        int(report["steps"]),
        equal,
        invalid=tuple(invalid),
    )
    return judged, watched


def _tried(
    kernels: Kernels,
    scenario: Scenario,
    plain: Plain,
    watched: Run,
    fix: Mapping[str, Any] | None,
) -> FixTried:
    if fix is None or not fix["cells"]:
        return FixTried()
    cells = {
        watched.numbers[int(number)]: _unwatched(source) for number, source in fix["cells"].items()
    }
    try:
        cured = run(kernels, scenario, {**scenario.cells, **cells})
    except BrokenProgram:
        return FixTried(code=True)
    if cured.error is not None:
        return FixTried(code=True)
    assert plain.reference is not None
    cures = is_cured(cured.measure, plain.asis.measure, plain.reference.measure)
    return FixTried(code=True, runs=True, cures=cures)


def _cut_short(note: str) -> bool:
    """Whether the watching says that it gave up, in whole or in part."""
    return "cut short" in note or " off" in note


def _unwatched(source: str) -> str:
    """A cell without the line that watches it."""
    first, _, rest = source.partition("\n")
    return rest if first.startswith("%%watch_training") else source
