"""`fit` on PyTorch, and what is the affair of PyTorch's own probe."""

from __future__ import annotations

import os
from typing import Any

os.environ["KERAS_BACKEND"] = "torch"
os.environ["TORCH_COMPILE_DISABLE"] = "1"  # compiled models run as they are: fast, and alike

import keras
import numpy as np
import torch
from probes.fakes import FakeContext

import collapse_magic
from collapse_magic.probes import TrainingStopped
from collapse_magic.records import (
    EpochEnded,
    LayerStatistics,
    LearningRate,
    LossFacts,
    ModelFacts,
    NonFinite,
    PredictionWindow,
)
from keras_runs.programs import shared


def lasting() -> dict[str, Any]:
    """What is left of watching a model that was fitted before."""
    x, y = shared.data()
    model = shared.mlp()
    model.compile("sgd", "sparse_categorical_crossentropy")
    model.fit(x, y, verbose=0)
    before = model.train_function
    backward = torch.autograd.backward
    with shared.watched(__file__) as context:
        model.fit(x, y, verbose=0)
    return {
        "seen": len(shared.losses(context)) > 0,
        "put back": model.train_function is before,
        "backward": torch.autograd.backward is backward,
    }


def custom_loop() -> dict[str, Any]:
    """Keras' layers in a loop of PyTorch's: the other probe's, once."""
    x, y = (torch.from_numpy(part) for part in shared.data())
    model = shared.mlp(None)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    loss_fn = torch.nn.CrossEntropyLoss()
    values = []
    with shared.watched(__file__, model=model) as context:
        for _ in range(5):
            optimizer.zero_grad()
            loss = loss_fn(model(x), y.long())
            loss.backward()
            optimizer.step()
            values.append(loss.item())
    return {
        "losses": [list(shared.losses(context).values()), values],
        "sites": [f.site for f in context.of(LossFacts)],
        "samples": sum(w.samples for w in context.of(PredictionWindow)),
    }


def first_of_all() -> int:
    """Losses seen of a model that is made in the watched cell, as the first one of the process."""
    x, y = shared.data()
    with shared.watched(__file__) as context:
        model = shared.mlp()
        model.compile("sgd", "sparse_categorical_crossentropy")
        model.fit(x, y, verbose=0)
    return len(shared.losses(context))


def both() -> dict[str, Any]:
    """A `fit`, and a loop of PyTorch's after it, in one run."""
    x, y = shared.data()
    model = shared.mlp()
    model.compile("sgd", "sparse_categorical_crossentropy")
    net = torch.nn.Linear(shared.FEATURES, shared.CLASSES)
    sgd = torch.optim.SGD(net.parameters(), lr=0.1)
    with shared.watched(__file__, model=model, net=net) as context:
        model.fit(x, y, batch_size=shared.BATCH, epochs=2, verbose=0)
        for _ in range(4):
            sgd.zero_grad()
            loss = torch.nn.functional.cross_entropy(net(torch.tensor(x)), torch.tensor(y).long())
            loss.backward()
            sgd.step()
    return {
        site: sum(w.samples for w in context.of(PredictionWindow) if w.site == site)
        for site in {w.site for w in context.of(PredictionWindow)}
    }


class Own(keras.Model):
    """Trains itself by PyTorch's means, within Keras' `fit`."""

    def __init__(self) -> None:
        super().__init__()
        self.inner = shared.mlp(None)

    def call(self, x: Any) -> Any:
        return self.inner(x)

    def train_step(self, data: Any) -> dict[str, Any]:
        x, y = data
        self.zero_grad()
        loss = torch.nn.functional.cross_entropy(self(x), y.long())
        loss.backward()
        weights = self.trainable_weights
        with torch.no_grad():
            self.optimizer.apply([v.value.grad for v in weights], weights)
        return {"loss": loss.detach()}


def own_step(**options: Any) -> dict[str, Any]:
    """Steps in which Keras computes no loss, or which are compiled: PyTorch's probe sees them."""
    x, y = shared.data()
    compiled = bool(options)
    model = shared.mlp() if compiled else Own()
    model.compile("sgd", "sparse_categorical_crossentropy", **options)
    with shared.watched(__file__, model=model) as context:
        model.fit(x, y, batch_size=shared.BATCH, epochs=4, shuffle=False, verbose=0)
    windows = context.of(PredictionWindow)
    return {
        "sites": sorted({f.site for f in context.of(LossFacts)}),
        "samples": sum(w.samples for w in windows if w.phase == "train"),
        "epochs": [e.epoch for e in context.of(EpochEnded)],
        "models": len({m.model for m in context.of(ModelFacts)}),
    }


def accumulated() -> dict[str, Any]:
    """Every third update is made; the rate follows a schedule."""
    x, y = shared.data()
    model = shared.mlp()
    schedule = keras.optimizers.schedules.ExponentialDecay(0.5, 1, 0.5)
    optimizer = keras.optimizers.SGD(schedule, gradient_accumulation_steps=3)
    model.compile(optimizer, "sparse_categorical_crossentropy")
    with shared.watched(__file__, model=model) as context:
        model.fit(x, y, batch_size=14, epochs=1, verbose=0)
    rates = [rate.learning_rates[0] for rate in context.of(LearningRate)]
    return {"steps": [s.step for s in context.of(LayerStatistics)], "rates": rates}


def broken() -> list[Any]:
    """Where a NaN in the data is seen."""
    x, y = shared.data()
    x[40, 2] = np.nan
    model = shared.mlp()
    model.compile("sgd", "sparse_categorical_crossentropy")
    with shared.watched(__file__, model=model) as context:
        model.fit(x, y, batch_size=shared.BATCH, shuffle=False, verbose=0)
    return [[n.step, n.place, n.name, n.value] for n in context.of(NonFinite)]


def stopped() -> int:
    """Steps of a training that is to end with the second one."""
    x, y = shared.data()
    model = shared.mlp()
    model.compile("sgd", "sparse_categorical_crossentropy")

    class Stop(keras.callbacks.Callback):
        context: FakeContext

        def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
            self.context.stop = "enough" if batch == 1 else None

    stop = Stop()
    with shared.watched(__file__) as stop.context:
        try:
            model.fit(x, y, batch_size=shared.BATCH, verbose=0, callbacks=[stop])
        except TrainingStopped:
            stop.context.stop = None
    return int(model.optimizer.iterations)


def session() -> dict[str, Any]:
    """A whole session: a softmax before a loss that takes logits is a double one on PyTorch."""
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
    shared.tell(
        {
            "first of all": first_of_all(),
            "numbers": shared.numbers(__file__),
            "faults": shared.faults(),
            "same": [
                shared.same(shared.noisy, __file__),
                shared.same(shared.noisy, __file__, optimizer=accumulating),
                shared.same(shared.mlp, __file__, jit_compile=True),
            ],
            "lasting": lasting(),
            "custom loop": custom_loop(),
            "both": both(),
            "own step": own_step(),
            "compiled": own_step(jit_compile=True),
            "accumulated": accumulated(),
            "broken": broken(),
            "stopped": stopped(),
            "session": session(),
        }
    )


if __name__ == "__main__":
    main()
