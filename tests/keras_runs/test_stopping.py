"""A training ends after as many steps as were asked for, however it is written."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

import collapse_magic
from collapse_magic.probes.base import TrainingStopped

STEPS = 130
X = np.random.default_rng(0).normal(size=(400, 3)).astype("float32")
Y = (X.sum(axis=1) > 0).astype("int32")


def model() -> Any:
    keras.utils.set_random_seed(0)
    made = keras.Sequential([keras.layers.Dense(2)])
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    made.compile("sgd", loss)
    return made


def fit(made: Any) -> None:
    made.fit(X, Y, batch_size=4, epochs=50, verbose=0)


def batch_by_batch(made: Any) -> None:
    for _ in range(5_000):
        made.train_on_batch(X[:4], Y[:4])


def loop(made: Any, compiled: bool) -> None:
    optimizer = made.optimizer

    def step() -> None:
        with tf.GradientTape() as tape:
            loss = tf.nn.sparse_softmax_cross_entropy_with_logits(Y[:4], made(X[:4]))
        weights = made.trainable_variables
        optimizer.apply_gradients(zip(tape.gradient(loss, weights), weights, strict=True))

    made.build((None, 3))
    optimizer.build(made.trainable_variables)
    step = tf.function(step) if compiled else step
    for _ in range(5_000):
        step()


@pytest.mark.parametrize(
    "train",
    [fit, batch_by_batch, lambda made: loop(made, False), lambda made: loop(made, True)],
    ids=["fit", "train_on_batch", "eager loop", "compiled loop"],
)
def test_it_ends_at_the_step(train: Callable[[Any], None]) -> None:
    made = model()
    with (
        pytest.raises(TrainingStopped, match=f"stopped at step {STEPS} by --steps {STEPS}"),
        collapse_magic.watch_training(steps=STEPS, tensorboard=False, quiet=True) as watch,
    ):
        train(made)
    assert watch.report.steps == STEPS == int(made.optimizer.iterations)
