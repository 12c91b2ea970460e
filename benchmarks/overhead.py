"""What watching costs: wall time of watched training over the same training unwatched.

Segments of training, watched and unwatched, alternate in one process, so that whatever else the
machine does meets both alike; the ratio is that of their medians. A second series of unwatched
segments, treated the same way, shows how far such ratios are off by chance. Every watched segment
is a whole run as a user starts one, with its logs, its findings and its report.

Usage: python benchmarks/overhead.py [ROUNDS] [SECONDS_PER_SEGMENT]. Exits with 1 where a target is
missed.
"""

from __future__ import annotations

import contextlib
import io
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import nn

import collapse_magic

Step = Callable[[], None]


@dataclass(frozen=True)
class Workload:
    name: str
    make: Callable[[], Step]
    target: float  # highest ratio that is accepted


def logistic_regression() -> Step:
    """2 features, batch 10: next to nothing but the framework's own calls."""
    model = nn.Sequential(nn.Linear(2, 1), nn.Sigmoid())
    x = torch.randn(1000, 2)
    y = (x[:, :1] + torch.randn(1000, 1) > 0).float()
    return _step(model, nn.BCELoss(), x, y, batch=10)


def perceptron() -> Step:
    """3 layers, batch 128."""
    model = nn.Sequential(
        nn.Linear(64, 256), nn.ReLU(), nn.Linear(256, 256), nn.ReLU(), nn.Linear(256, 10)
    )
    x = torch.randn(4096, 64)
    return _step(model, nn.CrossEntropyLoss(), x, x[:, :10].argmax(1), batch=128)


def convolutional() -> Step:
    """Pictures of 32 x 32, batch 64."""
    model = nn.Sequential(
        nn.Conv2d(3, 16, 3, padding=1),
        nn.BatchNorm2d(16),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(16, 32, 3, padding=1),
        nn.BatchNorm2d(32),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(32 * 8 * 8, 10),
    )
    x = torch.randn(512, 3, 32, 32)
    return _step(model, nn.CrossEntropyLoss(), x, torch.randint(0, 10, (512,)), batch=64)


WORKLOADS = (
    Workload("logistic regression, batch 10", logistic_regression, 1.25),
    Workload("3-layer perceptron, batch 128", perceptron, 1.05),
    Workload("small CNN 32x32, batch 64", convolutional, 1.03),
)


def _step(
    model: nn.Module, loss: nn.Module, x: torch.Tensor, y: torch.Tensor, *, batch: int
) -> Step:
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    at = 0

    def step() -> None:
        nonlocal at
        rows = slice(at, at + batch)
        at = (at + batch) % (len(x) - len(x) % batch)
        optimizer.zero_grad()
        value = loss(model(x[rows]), y[rows])
        value.backward()
        optimizer.step()

    return step


def _plain(step: Step, steps: int) -> float:
    began = time.perf_counter()
    for _ in range(steps):
        step()
    return time.perf_counter() - began


def _watched(step: Step, steps: int, logdir: str) -> float:
    quiet = io.StringIO()
    with contextlib.redirect_stdout(quiet), contextlib.redirect_stderr(quiet):
        began = time.perf_counter()
        with collapse_magic.watch_training(name="overhead", logdir=logdir, quiet=True):
            for _ in range(steps):
                step()
        return time.perf_counter() - began


def measure(workload: Workload, rounds: int, seconds: float) -> tuple[float, float, float]:
    """(plain seconds per step, watched over plain, plain over plain)."""
    torch.manual_seed(0)
    step = workload.make()
    _plain(step, 20)
    steps = max(int(seconds / (_plain(step, 50) / 50)), 10)
    taken: dict[str, list[float]] = {"plain": [], "again": [], "watched": []}
    with tempfile.TemporaryDirectory() as logdir:
        _watched(step, 50, logdir)  # what is imported once is no matter of a run's length
        order = list(taken)
        for _ in range(rounds):
            random.shuffle(order)
            for kind in order:
                taken[kind].append(
                    _watched(step, steps, logdir) if kind == "watched" else _plain(step, steps)
                )
    middle = {kind: statistics.median(times) for kind, times in taken.items()}
    plain = statistics.median(taken["plain"] + taken["again"])
    return plain / steps, middle["watched"] / plain, middle["again"] / middle["plain"]


def main() -> int:
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 7
    seconds = float(sys.argv[2]) if len(sys.argv) > 2 else 2.0
    torch.set_num_threads(1)
    print(f"{'':32}{'step':>9}{'watched':>10}{'target':>8}{'plain again':>13}")
    missed = False
    for workload in WORKLOADS:
        step, ratio, noise = measure(workload, rounds, seconds)
        verdict = "" if ratio <= workload.target else "  missed"
        missed = missed or bool(verdict)
        print(
            f"{workload.name:32}{step * 1e6:6.0f} us{ratio:10.3f}{workload.target:8.2f}"
            f"{noise:13.3f}{verdict}",
            flush=True,
        )
    return int(missed)


if __name__ == "__main__":
    sys.exit(main())
