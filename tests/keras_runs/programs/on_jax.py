"""`fit` on JAX."""

from __future__ import annotations

import inspect
import os
from collections.abc import Iterator
from typing import Any

os.environ["KERAS_BACKEND"] = "jax"

import jax
import keras
import numpy as np
from keras.src.backend.jax import trainer

import collapse_magic
from collapse_magic.probes import TrainingStopped
from collapse_magic.records import (
    EpochEnded,
    LayerStatistics,
    LossValues,
    NonFinite,
    PredictionWindow,
)
from keras_runs.programs import shared


def lasting() -> dict[str, Any]:
    """What is left of watching a model that was fitted before, and is fitted afterwards."""
    x, y = shared.data()
    model = shared.mlp()
    model.compile("sgd", "sparse_categorical_crossentropy")
    model.fit(x, y, verbose=0)
    before = model.train_function
    with shared.watched(__file__) as context:
        model.fit(x, y, verbose=0)
        history = model.history
    seen = len(context.of(LossValues)) > 0
    put_back = model.train_function is before
    compiled = inspect.getclosurevars(before).nonlocals["step_function"]
    traced = compiled._cache_size()
    model.fit(x, y, verbose=0)
    fresh = shared.mlp()
    fresh.compile("sgd", "sparse_categorical_crossentropy")
    with shared.watched(__file__):
        fresh.fit(x, y, verbose=0)
    left = fresh.train_function
    fresh.fit(x, y, verbose=0)
    step = inspect.getclosurevars(fresh.train_function).nonlocals["step_function"]
    return {
        "seen": seen,
        "put back": put_back,
        "traced again": compiled._cache_size() - traced,
        "none left": left is None,
        "plain": step.__wrapped__ == fresh.train_step,
        "jit": trainer.jit is jax.jit,
        "history": sorted(history.history),
    }


def stopped() -> dict[str, Any]:
    """A training that is ended in between: the model has its weights."""
    x, y = shared.data()
    model = shared.noisy()
    model.compile("adam", "sparse_categorical_crossentropy")
    ended = 0
    with shared.watched(__file__) as context:

        class Stop(keras.callbacks.Callback):
            def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
                context.stop = "enough" if batch == 1 else None

        for call in (
            lambda: model.fit(x, y, batch_size=shared.BATCH, verbose=0, callbacks=[Stop()]),
            lambda: model.train_on_batch(x, y),
        ):
            try:
                call()
            except TrainingStopped:
                ended += 1
        context.stop = None
    iterations = int(model.optimizer.iterations)
    finite = bool(np.isfinite(model.predict(x, verbose=0)).all())
    return {"ended": ended, "iterations": iterations, "finite": finite}


def accumulated() -> list[int]:
    """Steps that are looked at where every third update is made."""
    x, y = shared.data()
    model = shared.mlp()
    model.compile(
        keras.optimizers.SGD(0.1, gradient_accumulation_steps=3), "sparse_categorical_crossentropy"
    )
    with shared.watched(__file__, model=model) as context:
        model.fit(x, y, batch_size=14, epochs=2, verbose=0)
    return [s.step for s in context.of(LayerStatistics)]


def broken() -> list[Any]:
    """Where a NaN in the data is seen."""
    x, y = shared.data()
    x[40, 2] = np.nan
    model = shared.mlp()
    model.compile("sgd", "sparse_categorical_crossentropy")
    with shared.watched(__file__, model=model) as context:
        model.fit(x, y, batch_size=shared.BATCH, shuffle=False, verbose=0)
    return [[n.step, n.place, n.name, n.value] for n in context.of(NonFinite)]


def passing() -> dict[str, Any]:
    """A NaN in a step of a long training, most of whose steps are only counted."""
    x, y = shared.data()

    def batches() -> Iterator[tuple[np.ndarray, np.ndarray]]:
        for step in range(1, 601):
            yield (x * np.nan if step == 555 else x)[:8], y[:8]

    model = shared.mlp()
    model.compile("sgd", "sparse_categorical_crossentropy")
    with shared.watched(__file__, every=100, budget=0.01, model=model) as context:
        model.fit(batches(), verbose=0)
    return {
        "non finite": [[n.step, n.place, n.value] for n in context.of(NonFinite)],
        "steps": [e.step for e in context.of(EpochEnded)],
        "counted": sum(w.batches for w in context.of(PredictionWindow)),
        "looks": [s.step for s in context.of(LayerStatistics)],
    }


def several() -> dict[str, Any]:
    """Steps executed at once, batches by hand, and a step that runs eagerly."""
    x, y = shared.data()
    found: dict[str, Any] = {}
    for name, options in (
        ("several", {"steps_per_execution": 2}),
        ("eager", {"run_eagerly": True}),
    ):
        model = shared.mlp()
        model.compile("sgd", "sparse_categorical_crossentropy", **options)
        with shared.watched(__file__, model=model) as context:
            model.fit(x, y, batch_size=shared.BATCH, verbose=0)
        found[name] = sorted(shared.losses(context))
    model = shared.mlp()
    model.compile("sgd", "sparse_categorical_crossentropy")
    with shared.watched(__file__, model=model) as context:
        told = [float(np.asarray(model.train_on_batch(x, y))) for _ in range(3)]
    found["by hand"] = [list(shared.losses(context).values()), told]
    return found


def session() -> dict[str, Any]:
    """A whole session: a softmax before a loss that takes logits is a double one on JAX."""
    x, y = shared.data()
    keras.utils.set_random_seed(3)
    model = shared.mlp("softmax")
    model.compile(
        keras.optimizers.SGD(0.1), keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    )
    with collapse_magic.watch_training(quiet=True, tensorboard=False) as watch:
        model.fit(x, y, batch_size=shared.BATCH, epochs=20, verbose=0)
    report = watch.report
    return {
        "steps": report.steps, "epochs": report.epochs, "notes": list(report.notes),
        "rules": [f.rule for f in report.findings if f.explained_by is None],
    }  # fmt: skip


def accumulating() -> Any:
    return keras.optimizers.AdamW(0.01, gradient_accumulation_steps=2, clipnorm=1.0)


def main() -> None:
    same = [
        shared.same(shared.noisy, __file__, optimizer=accumulating),
        shared.same(shared.mlp, __file__, run_eagerly=True, epochs=1),
        shared.same(shared.mlp, __file__, steps_per_execution=2),
    ]
    # What is compiled from here on is not compared with anything that is compiled elsewhere.
    jax.config.update("jax_disable_most_optimizations", True)
    shared.tell(
        {
            "same": same,
            "numbers": shared.numbers(__file__),
            "faults": shared.faults(),
            "lasting": lasting(),
            "stopped": stopped(),
            "accumulated": accumulated(),
            "broken": broken(),
            "passing": passing(),
            "several": several(),
            "session": session(),
        }
    )


if __name__ == "__main__":
    main()
