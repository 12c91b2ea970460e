"""The scale of what a model is given in `fit`, against a computation of our own."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest
from keras import layers

from collapse_magic.records import InputFacts

from .watched import watched

BATCH, ROWS = 32, 320
RNG = np.random.default_rng(1)
TABLE = (RNG.normal(size=(ROWS, 4)) * [1.0, 500.0, 0.01, 0.0] + [0, 700, 0, 3]).astype("float32")
Y = (np.arange(ROWS) % 3).astype("int32")


def inputs(x: np.ndarray, *parts: Any, **settings: Any) -> list[InputFacts]:
    """What is told of the inputs of a model of these parts, over an epoch of `fit`."""
    model = keras.Sequential([keras.Input(x.shape[1:]), *parts, layers.Dense(3)])
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.SGD(0.0), loss, **settings)
    with watched(model=model) as context:
        model.fit(x, Y[: len(x)], batch_size=BATCH, verbose=0, shuffle=False)
    return context.of(InputFacts)


@pytest.mark.parametrize("jit", [False, True])
def test_deviations_of_the_columns_of_a_table(jit: bool) -> None:
    found = inputs(TABLE, layers.Dense(5, "relu", name="first"), jit_compile=jit)
    assert [one.step for one in found] == [1, 2, 4, 8]  # of the rows of all steps so far
    last = found[-1]
    assert (last.layer, last.kind, last.shape) == ("first", "features", (BATCH, 4))
    seen = TABLE[: BATCH * 8].astype(np.float64)
    deviation = seen.std(0, ddof=1)
    assert last.feature_std == pytest.approx(np.quantile(deviation, [0, 0.25, 0.5, 0.75, 1]))
    assert (last.constant_features, last.narrowest, last.widest) == (1, 2, 1)
    assert last.p99 == pytest.approx(np.quantile(np.abs(seen), 0.99))
    assert last.widest_p99 == pytest.approx(np.quantile(np.abs(seen[:, 1]), 0.99))


def test_pixels_are_told_by_channel_and_whole_numbers_have_a_scale() -> None:
    images = RNG.integers(0, 256, (64, 6, 6, 2)).astype("uint8")
    last = inputs(images, layers.Dropout(0.5), layers.Conv2D(3, 3), layers.Flatten())[-1]
    assert (last.kind, last.features, last.maximum) == ("channels", 2, images.max())
    assert last.feature_std[-1] == pytest.approx(256 / 12**0.5, rel=0.05)


def test_tokens_have_none() -> None:
    tokens = RNG.integers(0, 50, (64, 7))
    last = inputs(tokens, layers.Embedding(50, 3), layers.Flatten())[-1]
    assert (last.kind, last.maximum, last.features) == ("integers", 49, 0)


def test_inputs_that_are_all_alike_have_no_widest_feature() -> None:
    last = inputs(np.zeros((64, 5), "float32"), layers.Dense(4))[-1]
    assert (last.constant_features, last.features, last.widest) == (5, 5, -1)


def test_behind_what_is_not_known_nothing_is_told() -> None:
    assert inputs(TABLE, layers.Lambda(lambda x: x / 100), layers.Dense(4)) == []
