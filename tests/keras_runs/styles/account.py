"""A style of training, and the account that it keeps of itself, independently of the watching."""

from __future__ import annotations

import random
import weakref
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import keras
import numpy as np

CLASSES, FEATURES, N, BATCH = 3, 4, 48, 16
BATCHES = N // BATCH


def data(classes: int = CLASSES, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """x (N, FEATURES) and labels (N,) that can be learned from it."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(N, FEATURES)).astype("float32")
    return x, x[:, :classes].argmax(1).astype("int32")


@dataclass
class Account:
    """What a watcher should have seen, and whatever the user could look at afterwards.

    Attributes
        losses: one value per epoch (their mean, as Keras tells it) or, of a loop, per step
        right: predictions that were right, over the whole training; None where nobody counts
        labels, val_labels: samples per class
        val_right: as `right`, at evaluation
    """

    epochs: int = 0
    steps: int = 0
    losses: list[float] = field(default_factory=list)
    by_step: bool = False
    right: int | None = 0
    labels: Counter[int] = field(default_factory=Counter)
    val_right: int | None = 0
    val_labels: Counter[int] = field(default_factory=Counter)
    norms: list[float] = field(default_factory=list)  # of the weights of each layer
    weights: list[bytes] = field(default_factory=list)
    printed: list[Any] = field(default_factory=list)
    kept: dict[str, weakref.ref[Any]] = field(default_factory=dict)

    def fitted(
        self, history: Any, labels: np.ndarray, val_labels: np.ndarray | None = None
    ) -> None:
        """One `fit` with the metric "accuracy", its batches all of one size."""
        told = history.history
        epochs = len(told["loss"])
        self.epochs += epochs
        self.steps += epochs * len(labels) // BATCH
        self.losses += told["loss"]
        self.printed.append({key: list(map(float, values)) for key, values in told.items()})
        self.labels.update(np.tile(labels.reshape(-1), epochs).tolist())
        if self.right is not None:
            self.right += round(sum(told["accuracy"]) * labels.size)
        if val_labels is not None:
            self.val_labels.update(np.tile(val_labels.reshape(-1), epochs).tolist())
            if self.val_right is not None:
                self.val_right += round(sum(told["val_accuracy"]) * val_labels.size)

    def stepped(self, loss: Any, scores: Any, labels: Any) -> None:
        """One step of a loop: scores (n, K) or, of two classes, (n, 1)."""
        scores, labels = np.asarray(scores), np.asarray(labels)
        chosen = scores.argmax(1) if scores.shape[-1] > 1 else scores.reshape(-1) > 0
        self.by_step = True
        self.steps += 1
        self.losses.append(float(loss))
        self.labels.update(labels.astype(int).reshape(-1).tolist())
        assert self.right is not None
        self.right += int((chosen == labels.reshape(-1)).sum())

    def result(self, *models: keras.Model) -> None:
        for place, model in enumerate(models):
            self.kept[f"model {place}"] = weakref.ref(model)
            self.weights += [w.numpy().tobytes() for w in model.weights]
            self.norms += [norm for layer in model.layers if (norm := _norm(layer))]
        self.printed.append([np.random.get_state()[1].tolist(), random.getstate()])


def _norm(layer: keras.layers.Layer) -> float:
    squares = [float((w.numpy().astype(float) ** 2).sum()) for w in layer.trainable_weights]
    return float(np.sqrt(sum(squares)))


Program = Callable[[Account], None]


@dataclass(frozen=True)
class Style:
    """One way to train.

    `unseen` names the aspects that watching does not see, each with the reason.
    """

    name: str
    written: str
    program: Program
    group: str
    unseen: dict[str, str]


STYLES: dict[str, Style] = {}


def style(name: str, written: str, **unseen: str) -> Callable[[Program], Program]:
    """Register a program; its module's first line is the heading that it stands under."""

    def register(program: Program) -> Program:
        heading = (program.__globals__["__doc__"] or "").splitlines()[0].rstrip(".")
        assert name not in STYLES
        STYLES[name] = Style(name, written, program, heading, unseen)
        return program

    return register
