"""What watching costs where it costs most: in the first 30 steps, and in runs of a few seconds.

The session and its probe book their own time; here their clock is this thread's CPU time, so that
other programs on the machine count for little, and a run of so many seconds is one of so many
seconds of that. Of several runs of each model the cheapest counts: what is asked is what the work
takes, not what came in between. The first watched cell of a process imports what the log is written
with before its first step; that stands apart.

Usage: python benchmarks/first_steps.py [--runs N]
Exits with 1 where a promise is broken.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import nn
from workloads import Training, perceptron

from collapse_magic.session import WatchSession
from collapse_magic.session.options import make_config
from collapse_magic.session.user_code import ScriptCode

STEPS = 30
FIRST_STEPS_SECONDS = 0.020  # for a model of 1,000 parameter tensors or fewer
SHORT_RUN_SECONDS = 0.050
BUDGET = 0.02  # of a run's time
RUN_SECONDS = (1.0, 3.0, 9.0)


@dataclass(frozen=True)
class Case:
    name: str
    make: Callable[[], Training]


def stacked(layers: int) -> Callable[[], Training]:
    """So many linear layers, with two parameters each."""

    def make() -> Training:
        model = nn.Sequential(*[nn.Linear(8, 8) for _ in range(layers - 1)], nn.Linear(8, 3))
        x, y = torch.randn(256, 8), torch.randint(0, 3, (256,))
        return Training(model, nn.CrossEntropyLoss(), x, y, batch=32)

    return make


CASES = (
    Case("3-layer perceptron", perceptron),
    Case("4 linear layers", stacked(4)),
    Case("60 linear layers", stacked(60)),
    Case("500 linear layers", stacked(500)),
)


@contextmanager
def session() -> Iterator[WatchSession]:
    with tempfile.TemporaryDirectory() as logdir:
        config = make_config({"name": "first steps", "logdir": logdir})
        code = ScriptCode.of_caller(sys._getframe())
        watching = WatchSession(config, code, [], clock=time.thread_time)
        watching.start()
        yield watching
        watching.stop()


def first_steps(make: Callable[[], Training]) -> float:
    """Seconds of our own in the first steps of one run."""
    step = make().stepper()
    with session() as watching:
        for _ in range(STEPS):
            step()
        return watching._costs.spent()


def short_run(make: Callable[[], Training], seconds: float) -> float:
    """Seconds of our own in one run of so many seconds."""
    step = make().stepper()
    with session() as watching:
        began = time.thread_time()
        while time.thread_time() - began < seconds:
            step()
        return watching._costs.spent()


def start() -> float:
    """Seconds until the first step of the first watched cell of a process may begin."""
    began = time.thread_time()
    with session():
        return time.thread_time() - began


def tell(name: str, what: str, seconds: float, promise: float) -> int:
    kept = seconds <= promise
    print(
        f"{name:20} {what:18} {seconds * 1e3:6.1f} ms (at most {promise * 1e3:3.0f})"
        f"{'' if kept else '  MISSED'}",
        flush=True,
    )
    return not kept


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--runs", type=int, default=7)
    runs = parser.parse_args().runs
    torch.set_num_threads(1)
    torch.manual_seed(0)
    print(f"before the first step of a process: {start() * 1e3:.1f} ms, {start() * 1e3:.1f} later")
    missed = 0
    for case in CASES:
        seconds = min(first_steps(case.make) for _ in range(runs))
        missed += tell(case.name, f"first {STEPS} steps", seconds, FIRST_STEPS_SECONDS)
    for case in CASES:
        for length in RUN_SECONDS:
            seconds = min(short_run(case.make, length) for _ in range(max(runs // 3, 1)))
            promise = max(SHORT_RUN_SECONDS, BUDGET * length)
            missed += tell(case.name, f"a run of {length:.0f} s", seconds, promise)
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
