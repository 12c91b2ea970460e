"""What a step of `fit` leaves behind: in variables of the probe's, beside the user's results."""

from __future__ import annotations

import math
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers
from probes.fakes import FakeContext

from collapse_magic.probes.keras import KerasProbe
from collapse_magic.probes.keras.stash import Outcome, Stash
from collapse_magic.records import NonFinite, ProbeNote

from .watched import watched

X = np.random.default_rng(3).normal(size=(48, 4)).astype("float32")
Y = X[:, :1] ** 2
BATCH, BATCHES = 16, 3


def network(kind: type[keras.Model] = keras.Model, **settings: Any) -> keras.Model:
    keras.utils.set_random_seed(7)
    given = keras.Input((4,))
    model = kind(given, layers.Dense(1)(layers.Dense(5, "relu")(given)))
    model.compile("sgd", "mse", metrics=["mae"], **settings)
    return model


def results_of(model: keras.Model, function: Any) -> Any:
    """What the compiled function of all steps returns, by the types that Keras goes by."""
    while not hasattr(function, "_list_all_concrete_functions"):
        cells = [cell.cell_contents for cell in function.__closure__]
        function = next(
            cell
            for cell in cells
            if hasattr(cell, "_list_all_concrete_functions") or getattr(cell, "__closure__", None)
        )
    (concrete,) = function._list_all_concrete_functions()
    return concrete.structured_outputs.element_spec


@pytest.mark.parametrize("jit", [False, True])
def test_a_watched_step_has_the_results_it_would_have_had(jit: bool) -> None:
    plain = network(jit_compile=jit)
    plain.fit(X, Y, batch_size=BATCH, verbose=0)
    model = network(jit_compile=jit)
    with watched():
        model.fit(X, Y, batch_size=BATCH, verbose=0)
        found = results_of(model, model.train_function)
    assert found == results_of(plain, plain.train_function)
    assert set(found) == {"loss", "mae"}


class Silent(keras.Model):
    """Tells nobody its loss."""

    def train_step(self, data: Any) -> Any:
        return {"steps": super().train_step(data)["mae"] * 0.0}


def spoilt(model: keras.Model, x: np.ndarray, y: np.ndarray) -> list[tuple[int, str, str]]:
    """What is told of a fit in which no batch is counted, but each is checked."""
    context = FakeContext()
    probe = KerasProbe(context)
    probe.attach()
    try:
        model.fit(X, Y, batch_size=BATCH, verbose=0)
        probe._countdowns["train"].grant(10**6)
        model.fit(x, y, batch_size=BATCH, verbose=0, shuffle=False, epochs=2)
        probe.flush()
    finally:
        probe.detach()
    assert not context.of(ProbeNote)
    return [(found.step, found.place, found.value) for found in context.of(NonFinite)]


@pytest.mark.parametrize("kind", [keras.Model, Silent])
@pytest.mark.parametrize("jit", [False, True])
def test_a_loss_that_is_not_finite_is_seen_in_steps_that_are_only_counted(
    kind: type[keras.Model], jit: bool
) -> None:
    y = Y.copy()
    y[40] = np.nan
    third = BATCHES + 3
    assert spoilt(network(kind, jit_compile=jit), X, y) == [(third, "target", "nan")]


def test_a_loss_that_is_infinite_once_is_told_of_at_its_step() -> None:
    """The mean over the epoch, which Keras tells, is infinite from then on; the losses are not."""

    def loss(wanted: Any, found: Any) -> Any:
        return keras.ops.mean(wanted) + 0.0 * keras.ops.mean(found)

    model = network()
    model.compile("sgd", loss)
    y = Y.copy()
    y[20] = np.inf
    second = BATCHES + 2
    assert [step for step, _, _ in spoilt(model, X, y)] == [second]


def content_of(x: Any) -> Outcome:
    rows = tf.IndexedSlices(x[:1], tf.constant([1]), tf.constant([5, 3]))
    given = {"0:mse": {"value": tf.reduce_sum(x), "scores": x}}
    return Outcome({"loss": tf.constant(1.0)}, given, ({"0": rows, "1": 2.0 * x},))


def test_what_each_trace_has_left_is_opened_as_its_own() -> None:
    stash = Stash()

    @tf.function(autograph=False)  # as in a step: nothing of ours is converted
    def step(x: Any) -> Any:
        stash.clear()
        outcome = content_of(x)
        assert stash.keep(outcome, x)
        return outcome.logs

    small, large = np.full((2, 3), 2.0, "float32"), np.full((4, 3), 3.0, "float32")
    for values in (small, large, small):
        step(tf.constant(values))
        given, (gradients,), (inputs,) = stash.opened()
        assert float(stash.check()) == values.sum() == float(given["0:mse"]["value"])
        assert np.array_equal(given["0:mse"]["scores"], values)
        assert np.array_equal(inputs, values)
        assert np.array_equal(gradients["1"], 2 * values)
        rows = gradients["0"]
        assert np.array_equal(tf.convert_to_tensor(rows)[1], values[0])


def test_losses_of_any_kind_are_checked_by_one_number() -> None:
    stash = Stash()

    @tf.function(autograph=False)  # as in a step: nothing of ours is converted
    def step(one: Any, many: Any) -> None:
        given = {"0:a": {"value": one}, "1:b": {"value": many}}
        stash.clear()
        stash.keep(Outcome({}, given, ()), None)

    half = tf.constant(0.5, tf.float16)
    for many, finite in (([1.0, 2.0], True), ([1.0, math.inf], False), ([math.nan, 1.0], False)):
        step(half, tf.constant(many, tf.float64))
        assert math.isfinite(stash.check()) == finite


def test_nothing_is_left_by_a_step_that_runs_eagerly() -> None:
    stash = Stash()
    stash.clear()
    assert not stash.keep(content_of(tf.ones((2, 3))), None)
    assert stash.check() is None
