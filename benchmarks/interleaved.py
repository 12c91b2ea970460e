"""Two or more ways of doing the same steps, in short stretches side by side in one process.

Machines drift by a tenth and more from second to second; stretches of a twentieth of a second, side
by side, meet the same machine. A pair is a second of each; what counts is the median of the pairs.
"""

from __future__ import annotations

import platform
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

STRETCH_SECONDS = 0.05
STRETCHES_PER_PAIR = 20


@dataclass
class Way:
    """One way of doing a step; `enter` and `leave` are not timed."""

    step: Callable[[], None]
    enter: Callable[[], None] = lambda: None
    leave: Callable[[], None] = lambda: None
    stretches: list[float] = field(default_factory=list)  # seconds


class PausedClock:
    """The run's clock: stands still while unwatched stretches run."""

    def __init__(self) -> None:
        self._left_out = 0.0
        self._paused = 0.0

    def __call__(self) -> float:
        return time.perf_counter() - self._left_out

    def pause(self) -> None:
        self._paused = time.perf_counter()

    def resume(self) -> None:
        self._left_out += time.perf_counter() - self._paused


def seconds_of(step: Callable[[], None], steps: int, wait: Callable[[], None]) -> float:
    began = time.perf_counter()
    for _ in range(steps):
        step()
    wait()
    return time.perf_counter() - began


def steps_per_stretch(step: Callable[[], None], wait: Callable[[], None]) -> int:
    seconds_of(step, 5, wait)
    return max(round(STRETCH_SECONDS / (seconds_of(step, 20, wait) / 20)), 1)


def alternate(
    ways: Sequence[Way], steps: int, pairs: int, wait: Callable[[], None] = lambda: None
) -> None:
    """Fill every way's `stretches`; the order of the ways turns with every round."""
    order = list(ways)
    for _ in range(pairs * STRETCHES_PER_PAIR):
        for way in order:
            way.enter()
            way.stretches.append(seconds_of(way.step, steps, wait))
            way.leave()
        order.append(order.pop(0))


def ratio(way: Way, plain: Way) -> float:
    """Median over the pairs of the time of `way` over the time of `plain`."""
    return statistics.median(a / b for a, b in zip(_seconds(way), _seconds(plain), strict=True))


def noise(plain: Way) -> float:
    """The same ratio of `plain` against itself: every second stretch against the others."""
    even = Way(plain.step, stretches=plain.stretches[::2])
    odd = Way(plain.step, stretches=plain.stretches[1::2])
    return ratio(odd, even)


def _seconds(way: Way) -> list[float]:
    size = STRETCHES_PER_PAIR if len(way.stretches) >= STRETCHES_PER_PAIR else 1
    full = len(way.stretches) - len(way.stretches) % size
    return [sum(way.stretches[at : at + size]) for at in range(0, full, size)]


def machine() -> str:
    """What the figures were measured on."""
    name = platform.processor() or platform.machine()
    info = Path("/proc/cpuinfo")
    if info.exists():
        names = [line for line in info.read_text().splitlines() if line.startswith("model name")]
        name = names[0].partition(":")[2].strip() if names else name
    return f"{name}, one thread, Python {platform.python_version()}"
