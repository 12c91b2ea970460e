"""Runs programs of the corpus plainly: ``python -m tests.scoring.check [--watched] [SLUG ...]``.

A slug may be the beginning of one. Exits with 1 where a program is not what its header says, or
where watching changes what it comes to.
"""

from __future__ import annotations

import argparse
import sys

from .kernels import Kernels
from .measure import Measure
from .plain import Plain, check
from .running import WATCH, BrokenProgram, Run, run
from .scenario import Scenario, corpus


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("slugs", nargs="*", metavar="SLUG", help="programs; all without any")
    parser.add_argument("--watched", action="store_true", help="and show what the tool says")
    options = parser.parse_args()
    scenarios = corpus(options.slugs)
    if not scenarios:
        parser.error("no program has such a name")
    with Kernels() as kernels:
        passed = [_told(kernels, scenario, options.watched) for scenario in scenarios]
    print(f"{sum(passed)} of {len(passed)} programs are what they say")
    return 0 if all(passed) else 1


def _told(kernels: Kernels, scenario: Scenario, watched: bool) -> bool:
    """Print what came of one program; whether it is what its header says."""
    print(f"{scenario.slug}  ({scenario.framework}, {scenario.cause or 'healthy'})", flush=True)
    try:
        plain = check(kernels, scenario)
    except BrokenProgram as error:
        print(f"  BROKEN: {error}")
        return False
    for line in _lines(plain):
        print(f"  {line}", flush=True)
    if not watched:
        return not plain.wrong
    seen = run(kernels, scenario, scenario.cells, watch=WATCH)
    for line in _findings(seen):
        print(f"  {line}", flush=True)
    same = seen.same_predictions(plain.asis)
    if not same:
        print("  WRONG: watched it comes to something else; is all that is random seeded?")
    return same and not plain.wrong


def _lines(plain: Plain) -> list[str]:
    lines = [_line("as it is", plain.asis)]
    if plain.reference is not None:
        lines.append(_line("reference fix", plain.reference))
    return lines + [f"WRONG: {says}" for says in plain.wrong]


def _findings(seen: Run) -> list[str]:
    assert seen.report is not None
    lines = [f"watched: {seen.report['steps']} steps, {seen.seconds:.1f} s of CPU"]
    for found in seen.report["findings"]:
        over, fired = found["resolved_step"], seen.fired[found["rule"]]
        resolved = "" if over is None else f", resolved at {over}"
        lines.append(
            f"  {found['severity']} {found['rule']} ({found['confidence']}) evidence at step "
            f"{fired.evidence}, said at {fired.said}{resolved}: {found['message']}"
        )
    return lines + [f"  note: {note}" for note in seen.report["notes"]]


def _line(what: str, run: Run) -> str:
    measured: Measure | str = run.measure if run.error is None else f"{run.error}; {run.measure}"
    return f"{what:<14} {measured}, {run.seconds:.1f} s of CPU"


if __name__ == "__main__":
    sys.exit(main())
