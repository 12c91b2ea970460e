"""`compile` and `fit`: every style is seen, and the numbers are those of the training.

The numbers are compared with what Keras' own layers say of the same batches: data are not
shuffled, and a callback keeps the weights from before each batch, so that every loss and every
prediction can be computed again.
"""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest
from keras import layers

from collapse_magic.records import EpochEnded

from .watched import counted, counts, facts, losses, watched

N, FEATURES, CLASSES, BATCH = 96, 6, 3, 32


def data(classes: int = CLASSES) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(5)
    x = rng.normal(size=(N, FEATURES)).astype("float32")
    return x, (x[:, :classes].argmax(1)).astype("int32")


def mlp(outputs: int = CLASSES, activation: str | None = "softmax") -> keras.Model:
    return keras.Sequential(
        [
            keras.Input((FEATURES,)),
            layers.Dense(8, activation="relu"),
            layers.Dense(outputs, activation=activation),
        ]
    )


class Outputs(keras.callbacks.Callback):
    """What the model answers to each batch of `x` before it is trained on."""

    def __init__(self, x: np.ndarray, batch: int = BATCH) -> None:
        super().__init__()
        self.x, self.batch = x, batch
        self.outputs: list[Any] = []

    def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
        part = self.x[batch * self.batch : (batch + 1) * self.batch]
        self.outputs.append(keras.tree.map_structure(np.array, self.model(part, training=False)))


def cross_entropies(outputs: list[np.ndarray], y: np.ndarray, batch: int = BATCH) -> list[float]:
    """Mean cross entropy of probabilities (n, K) per batch."""
    found = []
    for i, p in enumerate(outputs):
        at = (i * batch) % len(y)
        labels = y[at : at + len(p)]
        found.append(float(-np.log(p[np.arange(len(p)), labels]).mean()))
    return found


def test_losses_predictions_validation_and_epochs_of_a_fit() -> None:
    x, y = data()
    model = mlp()
    model.compile("sgd", "sparse_categorical_crossentropy", metrics=["accuracy"])
    seen = Outputs(x)
    with watched(__file__, model=model) as context:
        history = model.fit(
            x, y, batch_size=BATCH, epochs=3, shuffle=False, verbose=0, callbacks=[seen],
            validation_data=(x[:40], y[:40]),
        )  # fmt: skip
    told = facts(context)
    assert (told.loss, told.task, told.classes) == (
        "sparse_categorical_crossentropy", "multiclass", CLASSES,
    )  # fmt: skip
    assert told.activations == ("softmax",)
    assert (told.model, told.cell, told.weighted) == ("model", 7, False)
    expected = cross_entropies(seen.outputs, y)
    assert losses(context) == pytest.approx(dict(enumerate(expected, 1)), rel=1e-5)
    assert np.array_equal(
        counts(context), counted(np.concatenate(seen.outputs), np.tile(y, 3), CLASSES)
    )
    found = counts(context, "eval")
    assert np.array_equal(found[0], 3 * np.bincount(y[:40], minlength=CLASSES))
    assert found[2].sum() == pytest.approx(40 * sum(history.history["val_accuracy"]))
    assert context.of(EpochEnded) == [EpochEnded(1, 3), EpochEnded(2, 6), EpochEnded(3, 9)]
