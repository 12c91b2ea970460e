"""What watching costs: wall time of watched training over the same training unwatched.

Both are interleaved in one process and within one watched run: short stretches of steps, every
other one with all of the watching's hooks lifted off, while the run's clock stands still. Machines
drift by a tenth and more from second to second; stretches of a twentieth of a second, side by side,
meet the same machine. What the run costs besides its steps (start, logs, findings, report) is timed
too and counted in full. Every second unwatched stretch is held against the others: that ratio says
how far such ratios are off by chance.

Usage: python benchmarks/overhead.py [SECONDS_WATCHED]. Exits with 1 where a target is missed.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn
from torch.optim.optimizer import _global_optimizer_post_hooks, _global_optimizer_pre_hooks

from collapse_magic.session import WatchSession
from collapse_magic.session.options import make_config
from collapse_magic.session.user_code import ScriptCode

Step = Callable[[], None]
STRETCH_SECONDS = 0.05


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


class PausedClock:
    """The run's clock: stands still while unwatched stretches run."""

    def __init__(self) -> None:
        self._left_out = 0.0

    def __call__(self) -> float:
        return time.perf_counter() - self._left_out

    def leave_out(self, seconds: float) -> None:
        self._left_out += seconds


class Hooks:
    """All that a running session has put into PyTorch, to be lifted off and put back."""

    _MODULES = (torch.autograd, torch._C._nn, torch)
    _STEP_HOOKS = (_global_optimizer_pre_hooks, _global_optimizer_post_hooks)

    def __init__(self) -> None:
        self._plain = self._attributes()
        self._replaced: list[tuple[Any, str, Any, Any]] = []
        self._hooks: list[dict[int, Any]] = []

    def _attributes(self) -> list[dict[str, Any]]:
        return [dict(vars(module)) for module in self._MODULES]

    def learn(self) -> None:
        """To be called while the session runs: what differs from before is its work."""
        self._replaced = [
            (module, name, plain.get(name), watched)
            for module, plain, now in zip(
                self._MODULES, self._plain, self._attributes(), strict=True
            )
            for name, watched in now.items()
            if plain.get(name) is not watched
        ]
        self._hooks = [dict(hooks) for hooks in self._STEP_HOOKS]
        assert self._replaced and all(self._hooks), "nothing is watched"

    def lift(self) -> None:
        for module, name, plain, _ in self._replaced:
            setattr(module, name, plain)
        for hooks in self._STEP_HOOKS:
            hooks.clear()

    def put_back(self) -> None:
        for module, name, _, watched in self._replaced:
            setattr(module, name, watched)
        for hooks, kept in zip(self._STEP_HOOKS, self._hooks, strict=True):
            hooks.update(kept)


def _time(step: Step, steps: int) -> float:
    began = time.perf_counter()
    for _ in range(steps):
        step()
    return time.perf_counter() - began


@dataclass
class Result:
    steps: int
    plain: list[float]  # seconds per unwatched stretch
    watched: float  # seconds of as many watched ones, start and end of the run included
    own: float  # share that the run itself reports

    @property
    def step_seconds(self) -> float:
        return sum(self.plain) / self.steps

    @property
    def ratio(self) -> float:
        return self.watched / sum(self.plain)

    @property
    def noise(self) -> float:
        return sum(self.plain[1::2]) / sum(self.plain[::2])


def measure(workload: Workload, seconds: float) -> Result:
    torch.manual_seed(0)
    step = workload.make()
    _time(step, 20)
    steps = max(round(STRETCH_SECONDS / (_time(step, 50) / 50)), 1)
    clock, hooks = PausedClock(), Hooks()
    with tempfile.TemporaryDirectory() as logdir:
        config = make_config({"name": "overhead", "logdir": logdir})
        session = WatchSession(config, ScriptCode.of_caller(sys._getframe()), [], clock=clock)
        began = time.perf_counter()
        session.start()
        watched = time.perf_counter() - began
        hooks.learn()
        plain: list[float] = []
        while watched < seconds or len(plain) % 2:
            watched += _time(step, steps)
            began = time.perf_counter()
            hooks.lift()
            plain.append(_time(step, steps))
            hooks.put_back()
            clock.leave_out(time.perf_counter() - began)
        began = time.perf_counter()
        report = session.stop()
        watched += time.perf_counter() - began
    return Result(len(plain) * steps, plain, watched, report.cost)


def main() -> int:
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 20.0
    torch.set_num_threads(1)
    measure(WORKLOADS[0], 1.0)  # what is imported once is no matter of a run's length
    print(f"{'':32}{'step':>10}{'watched':>10}{'target':>8}{'reported':>10}{'plain again':>13}")
    missed = False
    for workload in WORKLOADS:
        result = measure(workload, seconds)
        verdict = "" if result.ratio <= workload.target else "  missed"
        missed = missed or bool(verdict)
        print(
            f"{workload.name:32}{result.step_seconds * 1e6:7.0f} us{result.ratio:10.3f}"
            f"{workload.target:8.2f}{result.own:9.1%}{result.noise:13.3f}{verdict}",
            flush=True,
        )
    return int(missed)


if __name__ == "__main__":
    sys.exit(main())
