"""The scores: ``make scores``, or ``python -m tests.scoring`` with options for a part of them.

Runs programs of the corpus plainly, watched and with the fixes that they are given, and tells what
became of them. Programs that are held out are run when the whole corpus is, and nothing is told of
each; with --rule they are left out, for whoever works on a rule does not look at them.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path

from .causes import CAUSES
from .judging import Judged, judge
from .kernels import Kernels
from .repeating import repeat
from .scenario import Scenario, corpus
from .tables import document, overview, verdict


def main() -> int:
    options = _options()
    scenarios = _selected(options)
    began = time.perf_counter()
    if options.repeat:
        return _repeated(scenarios, options)
    with Kernels() as kernels:
        judged = _all_judged(kernels, scenarios, options)
        minutes = (time.perf_counter() - began) / 60
        used = kernels.cpu_seconds / 60
    print(f"\n{len(judged)} programs in {minutes:.1f} min, with {used:.1f} min of CPU time\n")
    tuned = [j for j in judged if not j.scenario.holdout]
    print(overview({"tuned": tuned, "all": judged}))
    if options.write:
        options.write.write_text(document(judged), encoding="utf-8")
        print(f"\nwritten: {options.write}")
    return 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.scoring", description=__doc__)
    parser.add_argument(
        "--only", nargs="+", metavar="SLUG", help="these programs; a slug may be its beginning"
    )
    parser.add_argument(
        "--rule", choices=[*CAUSES], metavar="NAME", help="the programs that this rule should name"
    )
    parser.add_argument("--healthy", action="store_true", help="with --rule: the healthy ones too")
    parser.add_argument(
        "--jobs", type=int, default=os.cpu_count(), help="programs at a time (default: cores)"
    )
    parser.add_argument(
        "--magic",
        default="",
        metavar="OPTIONS",
        help="options of the magic, as --magic=' --budget 100', which makes a run repeatable",
    )
    parser.add_argument(
        "--repeat",
        type=int,
        metavar="K",
        help="only watch, K times each, with other batches counted each time; exits with 1 where"
        " the verdict is not always the same and right (what is held out is left out)",
    )
    parser.add_argument("--write", type=Path, metavar="FILE", help="write the tables there")
    options = parser.parse_args()
    if options.write and (options.only or options.rule or options.magic):
        parser.error("only the scores of the whole corpus, with default options, are written")
    return options


def _selected(options: argparse.Namespace) -> list[Scenario]:
    scenarios = corpus(options.only)
    if options.rule:
        scenarios = [
            scenario
            for scenario in scenarios
            if options.rule in scenario.right or (options.healthy and scenario.healthy)
            if not scenario.holdout
        ]
    return scenarios


def _repeated(scenarios: Sequence[Scenario], options: argparse.Namespace) -> int:
    """One at a time: what is counted also hangs on how busy the machine is."""
    steady = []
    with Kernels() as kernels:
        for scenario in scenarios:
            if scenario.holdout:
                continue
            repeated = repeat(kernels, scenario, range(options.repeat), options.magic)
            steady.append(repeated.steady)
            print(repeated, flush=True)
    print(f"{sum(steady)} of {len(steady)} programs are judged rightly every time")
    return 0 if all(steady) else 1


def _all_judged(
    kernels: Kernels, scenarios: Sequence[Scenario], options: argparse.Namespace
) -> list[Judged]:
    """In the order of the scenarios; a line is printed as each is done."""
    # With the slow ones first, no core waits for the last of them.
    by_cost = sorted(scenarios, key=lambda scenario: scenario.framework != "keras")
    done: dict[str, Judged] = {}
    with ThreadPoolExecutor(options.jobs) as pool:
        for future in as_completed(pool.submit(judge, kernels, s, options.magic) for s in by_cost):
            judged = future.result()
            done[judged.scenario.slug] = judged
            told = options.only or not judged.scenario.holdout
            print(f"{len(done):4d}  {_line(judged) if told else 'held out'}", flush=True)
    return [done[scenario.slug] for scenario in scenarios]


def _line(judged: Judged) -> str:
    mark = "right" if judged.right and judged.equal and not judged.invalid else "WRONG"
    answer = judged.answer
    at = "" if answer is None else f" at step {answer.evidence} ({answer.said}) of {judged.steps}"
    line = f"{mark}  {judged.scenario.slug}: {verdict(judged)}{at}"
    if judged.fix is None:
        return line
    fix = judged.fix
    says = "cures" if fix.cures else "runs" if fix.runs else "fails" if fix.code else "is no code"
    return f"{line}; the fix {says}"


if __name__ == "__main__":
    sys.exit(main())
