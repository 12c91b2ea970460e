"""What is wired wrongly is handed on with the third step, in `fit` and in loops."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

from collapse_magic.records import PredictionWindow, Wiring

from .watched import watched

X = np.linspace(-1, 1, 96, dtype="float32").reshape(24, 4)
Y = np.arange(24) % 3
LOSS = keras.losses.SparseCategoricalCrossentropy(from_logits=True)


def built() -> Any:
    keras.utils.set_random_seed(1)
    return keras.Sequential([keras.Input((4,)), layers.Dense(5), layers.Dense(3)])


def fit(model: Any) -> None:
    model.compile("sgd", LOSS)
    model.fit(X, Y, batch_size=4, shuffle=False, verbose=0)


def loop(model: Any) -> None:
    optimizer = keras.optimizers.SGD(0.1)
    for i in range(0, 24, 4):
        with tf.GradientTape() as tape:
            loss = LOSS(Y[i : i + 4], model(X[i : i + 4], training=True))
        grads = tape.gradient(loss, model.trainable_variables)
        optimizer.apply_gradients(zip(grads, model.trainable_variables, strict=True))


@pytest.mark.parametrize("train", [fit, loop])
def test_how_a_model_hangs_together(train: Any) -> None:
    model = built()
    with watched(model=model) as context:
        train(model)
        known = context.records_of_first_steps
    assert known is not None
    (wired,) = [record for record in known if isinstance(record, Wiring)]
    assert (wired.step, wired.trainable.tensors, wired.untrained.tensors) == (3, 4, 0)


@pytest.mark.filterwarnings("ignore:The model does not have any trainable weights")
def test_of_a_model_that_nothing_moves_the_values_are_handed_on() -> None:
    model = built()
    model.trainable = False
    with watched(model=model) as context:
        fit(model)
        known = context.records_of_first_steps
    windows = [record for record in known or () if isinstance(record, PredictionWindow)]
    assert (windows[0].first_step, windows[-1].last_step) == (1, 3)
    assert sum(window.samples for window in windows) == 12
    assert sum(np.array(window.labels) for window in windows).tolist() == [4, 4, 4]
