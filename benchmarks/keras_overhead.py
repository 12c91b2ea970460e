"""What watching `fit` of Keras on TensorFlow costs, over the same training unwatched.

Two copies of a model are trained in one process, in short stretches side by side: one within a
watched run, the other with all of the watching's functions taken out, while the run's clock stands
still. A step is what `fit` does for a batch: the model's train function, called with an iterator
over its data. What making that function anew costs (one trace) is shown apart, in milliseconds.

Usage: python benchmarks/keras_overhead.py [--pairs N] [--jit]
Exits with 1 where a target is missed.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("KERAS_BACKEND", "tensorflow")

import keras
import numpy as np
import tensorflow as tf
from interleaved import Way, alternate, noise, ratio, steps_per_stretch
from keras import layers

from collapse_magic.session import WatchSession
from collapse_magic.session.options import make_config
from collapse_magic.session.user_code import ScriptCode

# Where watching replaces attributes.
_OWNERS = (
    ("keras.src.backend.tensorflow.trainer", "TensorFlowTrainer"),
    ("keras.src.backend.tensorflow.nn", ""),
    ("keras.src.backend.tensorflow.optimizer", "TFOptimizer"),
    ("keras.src.callbacks.callback_list", "CallbackList"),
    ("keras.src.losses.loss", "Loss"),
    ("keras.src.optimizers.base_optimizer", "BaseOptimizer"),
    ("keras.src.metrics.reduction_metrics", "MeanMetricWrapper"),
    ("tensorflow.python.ops.gen_nn_ops", ""),
    ("tensorflow.python.ops.nn_impl", ""),
    ("tensorflow.python.eager.backprop", "GradientTape"),
    ("tensorflow.python.eager.polymorphic_function.polymorphic_function", "Function"),
)


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


WORKLOADS = (
    Workload("small dense, batch 32", dense, (20,), 32, 1.10),
    Workload("small CNN 32x32, batch 64", convolutional, (32, 32, 3), 64, 1.03),
)


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


class Replaced:
    """What a running session has put in the frameworks' place, to be taken out and put back."""

    def __init__(self) -> None:
        self._owners = [
            vars(sys.modules[module])[name] if name else sys.modules[module]
            for module, name in _OWNERS
        ]
        self._plain = [dict(vars(owner)) for owner in self._owners]
        self._ours: list[tuple[Any, str, Any, Any]] = []

    def learn(self) -> None:
        """To be called while the session runs: what differs from before is its work."""
        self._ours = [
            (owner, name, plain.get(name), now)
            for owner, plain in zip(self._owners, self._plain, strict=True)
            for name, now in vars(owner).items()
            if plain.get(name) is not now
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


@dataclass
class Trained:
    """A model that has been compiled and traced, and how long that took (s)."""

    step: Callable[[], None]
    first: float


def trained(workload: Workload, jit: bool) -> Trained:
    keras.utils.set_random_seed(0)
    model = workload.make()
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"], jit_compile=jit)
    x = np.random.randn(8 * workload.batch, *workload.shape).astype("float32")
    y = x.reshape(len(x), -1)[:, :10].argmax(1)
    data = tf.data.Dataset.from_tensor_slices((x, y)).batch(workload.batch)
    began = time.perf_counter()
    model.fit(data, verbose=0)
    first = time.perf_counter() - began
    batches, function = iter(data.cache().repeat()), model.train_function
    return Trained(lambda: function(batches), first)


def measure(workload: Workload, pairs: int, jit: bool) -> tuple[float, float, float, str]:
    """Watched over unwatched, unwatched against itself, seconds of a step, and a remark."""
    replaced, clock = Replaced(), PausedClock()
    plain = trained(workload, jit)
    with tempfile.TemporaryDirectory() as logdir:
        config = make_config({"name": "overhead", "logdir": logdir})
        session = WatchSession(config, ScriptCode.of_caller(sys._getframe()), [], clock=clock)
        session.start()
        replaced.learn()
        seen = trained(workload, jit)
        replaced.take_out()
        clock.pause()

        def enter() -> None:
            clock.resume()
            replaced.put_back()

        def leave() -> None:
            replaced.take_out()
            clock.pause()

        steps = steps_per_stretch(plain.step, lambda: None)
        watched, unwatched = Way(seen.step, enter, leave), Way(plain.step)
        alternate([watched, unwatched], steps, pairs)
        enter()
        report = session.stop()
    seconds = sum(unwatched.stretches) / len(unwatched.stretches) / steps
    remark = (
        f"reported {report.cost:.1%}; first epoch, traced: {seen.first * 1e3:.0f} ms, "
        f"unwatched {plain.first * 1e3:.0f} ms; {'; '.join(report.notes)}"
    )
    return ratio(watched, unwatched), noise(unwatched), seconds, remark


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--pairs", type=int, default=20, help="pairs of a second each")
    parser.add_argument("--jit", action="store_true", help="compiled by XLA")
    arguments = parser.parse_args()
    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    missed = 0
    for workload in WORKLOADS:
        found, again, seconds, remark = measure(workload, arguments.pairs, arguments.jit)
        verdict = "" if found <= workload.target else "  missed"
        missed += bool(verdict)
        print(
            f"{workload.name:28}{seconds * 1e6:8,.0f} us{found:7.3f} (target {workload.target:.2f},"
            f" unwatched again {again:.3f}){verdict}\n    {remark}",
            flush=True,
        )
    return int(missed > 0)


if __name__ == "__main__":
    sys.exit(main())
