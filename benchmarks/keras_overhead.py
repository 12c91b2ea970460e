"""What watching `fit` of Keras on TensorFlow costs, over the same training unwatched.

Steps: two copies of a model are trained in one process, in short stretches side by side: one within
a watched run, the other with all of the watching's functions taken out, while the run's clock
stands still. A step is what `fit` does for a batch: the model's train function, called with an
iterator over its data. Whole cells: a new model is compiled and fitted, watched and unwatched in
turn, from the start of the watching to the end of its report, tracing and compilation included.

Usage: python benchmarks/keras_overhead.py [--pairs N] [--no-fits] [--cells N ...] [--write PATH]
Exits with 1 where a target is missed.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("KERAS_BACKEND", "tensorflow")

import keras
import numpy as np
import tensorflow as tf
from interleaved import PausedClock, Way, alternate, machine, noise, ratio, steps_per_stretch
from keras import layers

from collapse_magic.probes.patching import Patches
from collapse_magic.report import Report
from collapse_magic.session import WatchSession
from collapse_magic.session.options import make_config
from collapse_magic.session.user_code import ScriptCode

# How a step is executed; "XLA" is what `compile` chooses by itself.
MODES = {"graph": False, "XLA": True}


@dataclass(frozen=True)
class Workload:
    name: str
    make: Callable[[], keras.Model]
    shape: tuple[int, ...]
    batch: int
    target: float  # highest accepted ratio of watched to unwatched time


def dense() -> keras.Model:
    return keras.Sequential(
        [
            layers.Dense(64, activation="relu"),
            layers.Dense(64, activation="relu"),
            layers.Dense(10, activation="softmax"),
        ]
    )


def convolutional() -> keras.Model:
    return keras.Sequential(
        [
            layers.Conv2D(16, 3, padding="same", activation="relu"),
            layers.MaxPooling2D(),
            layers.Conv2D(32, 3, padding="same", activation="relu"),
            layers.MaxPooling2D(),
            layers.Flatten(),
            layers.Dense(10, activation="softmax"),
        ]
    )


DENSE = Workload("small dense, batch 32", dense, (20,), 32, 1.10)
WORKLOADS = (DENSE, Workload("small CNN 32x32, batch 64", convolutional, (32, 32, 3), 64, 1.03))
FITS = (2, 500, 2000)  # steps of the whole cells; two are hardly more than what is there once
ROUNDS = 3  # watched cells, each with an unwatched one before and after it


class Replaced:
    """What a running session has put in the frameworks' place, to be taken out and put back."""

    def __init__(self) -> None:
        self._plain: dict[tuple[int, str], tuple[Any, str, Any]] = {}
        self._ours: list[tuple[Any, str, Any, Any]] = []

    @contextmanager
    def learning(self) -> Iterator[None]:
        """While the session starts: what it replaces is written down."""
        replace = Patches.replace

        def noted(patches: Patches, owner: Any, name: str, make: Callable[[Any], Any]) -> Any:
            self._plain.setdefault((id(owner), name), (owner, name, vars(owner).get(name)))
            return replace(patches, owner, name, make)

        Patches.replace = noted  # type: ignore[method-assign]
        try:
            yield
        finally:
            Patches.replace = replace  # type: ignore[method-assign]
        self._ours = [
            (owner, name, plain, vars(owner)[name]) for owner, name, plain in self._plain.values()
        ]
        assert self._ours, "nothing is watched"

    def take_out(self) -> None:
        for owner, name, plain, _ in self._ours:
            if plain is None:
                delattr(owner, name)
            else:
                setattr(owner, name, plain)

    def put_back(self) -> None:
        for owner, name, _, ours in self._ours:
            setattr(owner, name, ours)


def compiled(workload: Workload, jit: bool) -> keras.Model:
    keras.utils.set_random_seed(0)
    model = workload.make()
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"], jit_compile=jit)
    return model


def data(workload: Workload, batches: int) -> tf.data.Dataset:
    x = np.random.default_rng(0).normal(size=(8 * workload.batch, *workload.shape))
    y = x.reshape(len(x), -1)[:, :10].argmax(1)
    found = tf.data.Dataset.from_tensor_slices((x.astype("float32"), y)).batch(workload.batch)
    return found.cache().repeat().take(batches)


def stepper(workload: Workload, jit: bool) -> Callable[[], None]:
    """One step of a model that has been fitted, and so traced."""
    model = compiled(workload, jit)
    model.fit(data(workload, 8), verbose=0)
    batches, function = iter(data(workload, 10**9)), model.train_function
    return lambda: function(batches)


def session(logdir: str, clock: Callable[[], float] = time.perf_counter) -> WatchSession:
    config = make_config({"name": "overhead", "logdir": logdir})
    return WatchSession(config, ScriptCode.of_caller(sys._getframe()), [], clock=clock)


@dataclass
class Result:
    workload: Workload
    mode: str
    step_seconds: float
    ratio: float
    noise: float
    report: Report

    @property
    def missed(self) -> bool:
        return self.ratio > self.workload.target


def measure(workload: Workload, mode: str, pairs: int) -> Result:
    """Steps, watched over unwatched, and unwatched against itself."""
    replaced, clock = Replaced(), PausedClock()
    plain = stepper(workload, MODES[mode])
    with tempfile.TemporaryDirectory() as logdir:
        run = session(logdir, clock)
        with replaced.learning():
            run.start()
        seen = stepper(workload, MODES[mode])
        replaced.take_out()
        clock.pause()

        def enter() -> None:
            clock.resume()
            replaced.put_back()

        def leave() -> None:
            replaced.take_out()
            clock.pause()

        steps = steps_per_stretch(plain, lambda: None)
        watched, unwatched = Way(seen, enter, leave), Way(plain)
        alternate([watched, unwatched], steps, pairs)
        enter()
        report = run.stop()
    seconds = sum(unwatched.stretches) / len(unwatched.stretches) / steps
    return Result(workload, mode, seconds, ratio(watched, unwatched), noise(unwatched), report)


@dataclass
class Cell:
    mode: str
    steps: int
    plain: float  # CPU seconds
    more: float  # CPU seconds that watching adds
    ratio: float
    noise: float
    cost: float  # as reported


def cell(mode: str, steps: int, watched: bool) -> tuple[float, float]:
    """CPU seconds of a cell that compiles and fits a new model, and the cost that is reported."""
    batches = data(DENSE, steps)
    cost = 0.0
    with tempfile.TemporaryDirectory() as logdir:
        run = session(logdir)
        began = time.process_time()  # over so long a time others would be measured, too
        if watched:
            run.start()
        compiled(DENSE, MODES[mode]).fit(batches, verbose=0)
        if watched:
            cost = run.stop().cost
        return time.process_time() - began, cost


def measure_cell(mode: str, steps: int) -> Cell:
    plain, watched = [cell(mode, steps, False)[0]], []
    for _ in range(ROUNDS):
        watched.append(cell(mode, steps, True))
        plain.append(cell(mode, steps, False)[0])
    beside = [(before + after) / 2 for before, after in pairwise(plain)]
    pairs = list(zip([seconds for seconds, _ in watched], beside, strict=True))
    median = statistics.median
    return Cell(
        mode=mode,
        steps=steps,
        plain=median(plain),
        more=median(seen - unseen for seen, unseen in pairs),
        ratio=median(seen / unseen for seen, unseen in pairs),
        noise=median(after / before for before, after in pairwise(plain)),
        cost=median(cost for _, cost in watched),
    )


DOCUMENT = """# What watching Keras costs

Written by `make bench` on {machine}, TensorFlow {tensorflow}, Keras {keras}.
[cost.md](cost.md) holds PyTorch.

## A step

Wall time of watched steps over the same steps unwatched, both in one process, side by side in
stretches of 50 ms; a pair is 20 of each, the figure is the median of {pairs} pairs. "Unwatched
again" holds every second unwatched stretch against the others: that far such figures are off by
chance. "Reported" is the share that the run itself reports as its cost. XLA is what `compile`
chooses by itself, graph is `jit_compile=False`.

{steps}
"""
CELLS_DOCUMENT = """
## A whole cell

CPU time of a cell that compiles and fits {workload}, from the start of the watching to the end of
its report, tracing and compilation included. Medians of {rounds} watched cells, each over the mean
of the unwatched ones before and after it; the last two columns are the share that the run itself
reports, and an unwatched cell over the one before. A model that has been fitted before is traced
anew when it is watched: that takes as long as its first step did, and is reported as cost. What two
steps add is what a cell adds once: the start, the tracing of what is watched, and the report.

{cells}
"""


def step_table(results: list[Result]) -> str:
    rows = [
        "| training | executed as | a step | watched / unwatched | target | reported "
        "| unwatched again |",
        "|---|---|---|---|---|---|---|",
    ]
    rows += [
        f"| {r.workload.name} | {r.mode} | {r.step_seconds * 1e6:,.0f} us | {r.ratio:.3f} "
        f"| {r.workload.target:.2f} | {r.report.cost:.1%} | {r.noise:.3f} |"
        for r in results
    ]
    return "\n".join(rows)


def cell_table(cells: list[Cell]) -> str:
    rows = [
        "| executed as | steps | unwatched | watching adds | watched / unwatched | reported "
        "| unwatched again |",
        "|---|---|---|---|---|---|---|",
    ]
    rows += [
        f"| {c.mode} | {c.steps:,} | {c.plain:.1f} s | {c.more:+.2f} s | {c.ratio:.3f} "
        f"| {c.cost:.1%} | {c.noise:.3f} |"
        for c in cells
    ]
    return "\n".join(rows)


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--pairs", type=int, default=20, help="pairs of a second each")
    parser.add_argument("--no-fits", action="store_true", help="steps only, no whole cells")
    parser.add_argument("--cells", type=int, nargs="+", default=FITS, help="steps of whole cells")
    parser.add_argument("--write", type=Path, help="also write the tables to this file")
    arguments = parser.parse_args()
    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    cell("graph", 100, True)  # what is imported once is no matter of a run's length
    results: list[Result] = []
    for workload in WORKLOADS:
        for mode in MODES:
            r = measure(workload, mode, arguments.pairs)
            results.append(r)
            print(
                f"{workload.name:28}{mode:6}{r.step_seconds * 1e6:8,.0f} us{r.ratio:7.3f} "
                f"(target {workload.target:.2f}, unwatched again {r.noise:.3f}, "
                f"reported {r.report.cost:.1%}){'  missed' if r.missed else ''}"
                f"{'; '.join(('', *r.report.notes))}",
                flush=True,
            )
    document = DOCUMENT.format(
        machine=machine(),
        tensorflow=tf.__version__,
        keras=keras.__version__,
        pairs=arguments.pairs,
        steps=step_table(results),
    )
    if not arguments.no_fits:
        cells = [measure_cell(mode, steps) for mode in MODES for steps in arguments.cells]
        document += CELLS_DOCUMENT.format(
            workload=f"the {DENSE.name.partition(',')[0]} model",
            rounds=ROUNDS,
            cells=cell_table(cells),
        )
    print("\n" + document)
    if arguments.write:
        arguments.write.write_text(document)
    return int(any(r.missed for r in results))


if __name__ == "__main__":
    sys.exit(main())
