"""What the programs have in common: data, models, and a run with and without watching."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import keras
import numpy as np
from conftest import hooked
from keras import layers
from probes.fakes import FakeContext

from collapse_magic.config import WatchConfig
from collapse_magic.probes import probes_for
from collapse_magic.probes.keras.backends.probe import BackendProbe
from collapse_magic.records import EpochEnded, LayerStatistics, ModelFacts, ProbeNote
from keras_runs.faulty import called_while, problems
from keras_runs.watched import counted, counts, facts, losses

N, FEATURES, CLASSES, BATCH, RATE = 84, 6, 3, 32, 0.1


def data() -> tuple[np.ndarray, np.ndarray]:
    x = np.random.default_rng(5).normal(size=(N, FEATURES)).astype("float32")
    return x, x[:, :CLASSES].argmax(1).astype("int32")


def mlp(activation: str | None = "softmax") -> keras.Model:
    return keras.Sequential(
        [
            keras.Input((FEATURES,)),
            layers.Dense(8, activation="relu"),
            layers.Dense(CLASSES, activation=activation),
        ]
    )


def noisy() -> keras.Model:
    """Draws random numbers, has state besides its weights, and layers of several kinds."""
    return keras.Sequential(
        [
            keras.Input((FEATURES,)),
            layers.Reshape((2, 3, 1)),
            layers.Conv2D(4, 2, padding="same", activation="relu"),
            layers.Flatten(),
            layers.Dropout(0.3),
            layers.BatchNormalization(),
            layers.Dense(CLASSES, activation="softmax"),
        ]
    )


@contextmanager
def watched(
    user_file: str, every: int | None = 1, budget: float = 1e6, **namespace: Any
) -> Iterator[FakeContext]:
    """Every probe that a session would attach; nothing of it is left in place."""
    before = hooked()
    options = WatchConfig(budget=budget, every=every)
    context = FakeContext(namespace, options, user_file=Path(user_file).name)
    probes = probes_for(context)
    for probe in probes:
        probe.attach()
    try:
        yield context
        for probe in probes:
            probe.flush()
    finally:
        for probe in probes:
            probe.detach()
    left = [name for name, value in hooked().items() if before.get(name, value) is not value]
    assert not left, left
    notes = [note.text for note in context.of(ProbeNote)]
    assert not notes, notes


class Weights(keras.callbacks.Callback):
    """The weights, and what the model answers to each batch, before and after every step."""

    def __init__(self, x: np.ndarray) -> None:
        super().__init__()
        self.x = x
        self.outputs: list[np.ndarray] = []
        self.weights: list[list[np.ndarray]] = []

    def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
        part = self.x[batch * BATCH : (batch + 1) * BATCH]
        self._sync()
        self.outputs.append(keras.ops.convert_to_numpy(self.model(part, training=False)))
        self.weights.append(self.model.get_weights())

    def on_train_end(self, logs: Any = None) -> None:
        self.weights.append(self.model.get_weights())

    def _sync(self) -> None:
        if keras.backend.backend() == "jax":
            self.model.jax_state_sync()


def numbers(user_file: str) -> dict[str, Any]:
    """What was recorded of a `fit` by plain SGD, and what NumPy makes of the same weights."""
    keras.utils.set_random_seed(3)
    x, y = data()
    model = mlp()
    model.compile(keras.optimizers.SGD(RATE), "sparse_categorical_crossentropy")
    own = Weights(x)
    with watched(user_file, model=model) as context:
        model.fit(
            x, y, batch_size=BATCH, epochs=2, shuffle=False, verbose=0, callbacks=[own],
            validation_data=(x[:40], y[:40]),
        )  # fmt: skip
    asked = len(own.outputs)
    labels = np.tile(np.arange(N), 2)
    batches = [labels[:N][i : i + BATCH] for i in range(0, N, BATCH)] * 2
    expected = [
        float(-np.log(p[np.arange(len(p)), y[rows]]).mean())
        for p, rows in zip(own.outputs, batches, strict=True)
    ]
    steps = [_layers(own.weights[i], own.weights[i + 1]) for i in range(asked)]
    told = facts(context)
    return {
        "facts": [told.loss, told.task, told.classes, told.activations, told.model, told.cell],
        "losses": [list(losses(context).items()), list(enumerate(expected, 1))],
        "counts": [
            counts(context).tolist(),
            counted(np.concatenate(own.outputs), np.tile(y, 2), CLASSES).tolist(),
        ],
        "evaluated": [counts(context, "eval")[0].tolist(), (2 * np.bincount(y[:40])).tolist()],
        "epochs": [dataclasses.astuple(e) for e in context.of(EpochEnded)],
        "layers": [
            [
                [s.step, s.gradient_norm, s.weight_norm, s.update_ratio]
                for s in context.of(LayerStatistics)
            ],
            [[step, *found] for step, found in enumerate(steps, 1)],
        ],
        "models": [
            [m.model, m.kind, [layer.units for layer in m.layers], m.outputs]
            for m in context.of(ModelFacts)
        ],
    }


def _layers(before: list[np.ndarray], after: list[np.ndarray]) -> list[list[float]]:
    """Gradient norm, weight norm and update ratio of each (kernel, bias), by the weights alone."""
    found = []
    for i in range(0, len(before), 2):
        old = np.concatenate([w.reshape(-1) for w in before[i : i + 2]]).astype(np.float64)
        new = np.concatenate([w.reshape(-1) for w in after[i : i + 2]]).astype(np.float64)
        moved = float(np.linalg.norm(new - old))
        found.append([moved / RATE, float(np.linalg.norm(new)), moved / np.linalg.norm(old)])
    return [list(column) for column in zip(*found, strict=True)]


def state(model: keras.Model) -> list[np.ndarray]:
    own = [keras.ops.convert_to_numpy(v.value) for v in model.optimizer.variables]
    return [*model.get_weights(), *own]


def trained(make: Any, watch: bool, user_file: str, **options: Any) -> tuple[Any, ...]:
    """History, state, and a random number drawn afterwards, of one `fit`."""
    keras.utils.set_random_seed(7)
    x, y = data()
    model = make()
    optimizer = options.pop("optimizer", lambda: keras.optimizers.Adam(0.01))()
    epochs = options.pop("epochs", 2)
    metrics = ["accuracy"]
    model.compile(optimizer, "sparse_categorical_crossentropy", metrics=metrics, **options)
    settings: dict[str, Any] = {
        "batch_size": BATCH, "epochs": epochs, "verbose": 0, "validation_split": 0.2,
        "class_weight": {0: 1.0, 1: 2.0, 2: 0.5},
    }  # fmt: skip
    if watch:
        with watched(user_file, model=model):
            history = model.fit(x, y, **settings)
    else:
        history = model.fit(x, y, **settings)
    drawn = keras.ops.convert_to_numpy(keras.random.uniform((4,)))
    return history.history, [*state(model), drawn]


def same(make: Any, user_file: str, **options: Any) -> bool:
    """Whether a model is trained alike, bit by bit, watched and unwatched."""
    plain = trained(make, False, user_file, **options)
    seen = trained(make, True, user_file, **options)
    alike = all(np.array_equal(a, b) for a, b in zip(plain[1], seen[1], strict=True))
    return bool(plain[0] == seen[0] and alike)


def faults() -> dict[str, str]:
    """What a fault in one function of the probe after another changes for the user: nothing."""

    def train() -> list[bytes]:
        keras.utils.set_random_seed(7)
        x, y = data()
        model = keras.Sequential([keras.Input((FEATURES,)), layers.Dense(CLASSES)])
        loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        model.compile(keras.optimizers.SGD(RATE), loss)
        history = model.fit(x, y, batch_size=BATCH, verbose=0)
        return [repr(history.history).encode(), *(part.tobytes() for part in state(model))]

    hooks = f"probes.keras.backends.{keras.backend.backend()}_fit"
    return problems(train, BackendProbe, called_while(train, BackendProbe, hooks))


def tell(found: dict[str, Any]) -> None:
    print(json.dumps(found, default=float))
