"""What the first 30 steps of a watched training cost: structure, first looks, counted batches.

The session and its probe book their own time; here their clock is this thread's CPU time, so that
other programs on the machine count for little. Of several runs of each model the cheapest counts:
what is asked is what the work takes, not what came in between.

Usage: python benchmarks/first_steps.py [--runs N]
Exits with 1 where a target is missed.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import nn
from workloads import Training, perceptron

from collapse_magic.session import WatchSession
from collapse_magic.session.options import make_config
from collapse_magic.session.user_code import ScriptCode

STEPS = 30


@dataclass(frozen=True)
class Case:
    name: str
    make: Callable[[], Training]
    target: float  # highest accepted cost of the first steps (s)


def stacked(layers: int) -> Callable[[], Training]:
    """So many linear layers, with two parameters each."""

    def make() -> Training:
        model = nn.Sequential(*[nn.Linear(8, 8) for _ in range(layers - 1)], nn.Linear(8, 3))
        x, y = torch.randn(256, 8), torch.randint(0, 3, (256,))
        return Training(model, nn.CrossEntropyLoss(), x, y, batch=32)

    return make


CASES = (
    Case("3-layer perceptron", perceptron, 0.008),
    Case("60 linear layers", stacked(60), 0.012),
    Case("500 linear layers", stacked(500), 0.020),
)


def first_steps(make: Callable[[], Training]) -> float:
    """Seconds of our own in the first steps of one run."""
    step = make().stepper()
    with tempfile.TemporaryDirectory() as logdir:
        config = make_config({"name": "first steps", "logdir": logdir})
        code = ScriptCode.of_caller(sys._getframe())
        session = WatchSession(config, code, [], clock=time.thread_time)
        session.start()
        for _ in range(STEPS):
            step()
        seconds = session._spent()
        session.stop()
    return seconds


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--runs", type=int, default=7)
    runs = parser.parse_args().runs
    torch.set_num_threads(1)
    torch.manual_seed(0)
    missed = 0
    for case in CASES:
        seconds = min(first_steps(case.make) for _ in range(runs))
        missed += seconds > case.target
        print(
            f"{case.name:20} {seconds * 1e3:6.1f} ms in the first {STEPS} steps "
            f"(target {case.target * 1e3:.0f} ms){'  MISSED' * (seconds > case.target)}"
        )
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
