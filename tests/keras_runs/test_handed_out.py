"""What a step hands out: as much as is wanted, at the cost of next to nothing in its graph."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers, optimizers
from tensorflow.python.framework import config

from collapse_magic.probes.keras import updates
from collapse_magic.probes.keras.looks import ModelLook
from collapse_magic.records import LayerStatistics, LearningRate

from .test_fit_unchanged import graph_of
from .test_optimizers import (
    STEPS,
    assert_as,
    fit,
    mlp,
    reference,
)
from .watched import watched

LOSS = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
X = np.linspace(-1, 1, 64, dtype="float32").reshape(16, 4)
Y = (np.arange(16) % 3).astype("int32")
# Operations that a watched step has beside the user's own: what puts its results into one, and what
# hands it and the loss on.
MOST_OPERATIONS = 16


@pytest.fixture(autouse=True)
def deterministic() -> Iterator[None]:
    tf.config.experimental.enable_op_determinism()
    yield
    config.disable_op_determinism()


def test_a_watched_step_has_hardly_an_operation_more() -> None:
    """Operations are what a trace costs; as many looks as there are layers would be hundreds."""
    plain = fit(optimizers.Adam(0.01), jit_compile=False)
    with watched() as context:
        model = fit(optimizers.Adam(0.01), jit_compile=False)
        ours = model.train_function.__closure__
    inner = next(c.cell_contents for c in ours if getattr(c.cell_contents, "__closure__", None))
    watched_graph = graph_of(inner)
    results, operations = graph_of(plain.train_function)
    assert watched_graph[0] == results  # all travels in one
    assert len(operations) < len(watched_graph[1]) <= len(operations) + MOST_OPERATIONS
    assert context.of(LayerStatistics)


def test_large_models_are_looked_at_within_the_graph(monkeypatch: pytest.MonkeyPatch) -> None:
    """Their gradients would take memory; the numbers are the same."""
    monkeypatch.setattr(updates, "MOST_SCALARS", 10)
    expected = reference(optimizers.SGD(0.1, momentum=0.9))
    plain = fit(optimizers.SGD(0.1, momentum=0.9), jit_compile=False).get_weights()
    with watched(every=1) as context:
        model = fit(optimizers.SGD(0.1, momentum=0.9), jit_compile=False)
    assert_as(context.of(LayerStatistics), expected)
    for before, now in zip(plain, model.get_weights(), strict=True):
        assert before.tobytes() == now.tobytes()


def test_the_users_logs_are_the_same_in_kind_and_order() -> None:
    def train() -> Any:
        model = mlp()
        model.compile("adam", LOSS, metrics=["accuracy", "sparse_categorical_crossentropy"])
        seen: list[Any] = []
        callback = keras.callbacks.LambdaCallback(
            on_train_batch_end=lambda _, logs: seen.append(list(logs.items()))
        )
        history = model.fit(X, Y, batch_size=8, epochs=2, verbose=0, callbacks=[callback])
        batch = model.train_on_batch(X, Y, return_dict=True)
        return seen, list(history.history.items()), list(batch.items())

    plain = train()
    with watched():
        seen = train()
    assert seen == plain


class Pair:
    """Two models that one function trains in turn, with random numbers between their updates."""

    def __init__(self, rounds: int) -> None:
        keras.utils.set_random_seed(4)
        self.first, self.second = mlp(), mlp()
        self.one, self.two = optimizers.SGD(0.1), optimizers.Adam(0.01)
        for optimizer, model in ((self.one, self.first), (self.two, self.second)):
            optimizer.build(model.trainable_variables)
        self.rounds = rounds

    def step(self) -> Any:
        for _ in range(self.rounds):
            self._train(self.first, self.one)
        self._train(self.second, self.two)
        return tf.random.normal([2])

    def _train(self, model: Any, optimizer: Any) -> None:
        noise = tf.random.normal([16, 4], stddev=0.1)
        with tf.GradientTape() as tape:
            loss = LOSS(Y, model(X + noise))
        gradients = tape.gradient(loss, model.trainable_variables)
        optimizer.apply(gradients, model.trainable_variables)

    def run(self, compiled: Callable[[Any], Any]) -> list[bytes]:
        function = compiled(self.step)
        drawn = [function().numpy().tobytes() for _ in range(3)]
        return drawn + [w.numpy().tobytes() for w in self.first.weights + self.second.weights]


@pytest.mark.parametrize("rounds", [1, 3])
def test_several_updates_in_one_function(rounds: int) -> None:
    plain = Pair(rounds).run(tf.function)
    pair = Pair(rounds)
    with watched(every=1, first=pair.first, second=pair.second, one=pair.one) as context:
        assert pair.run(tf.function) == plain
    found = [(r.model, r.step) for r in context.of(LayerStatistics)]
    whole = rounds + 1
    assert sorted(found, key=lambda pair: pair[1]) == [
        (model, call * whole + at)
        for call in range(3)
        for model, at in (("first", 1), ("second", whole))
    ]
    moved = {r.model: r.update_ratio for r in context.of(LayerStatistics)}
    norms = {r.model: r.gradient_norm for r in context.of(LayerStatistics)}
    assert all(norm > 0 for both in norms.values() for norm in both)
    assert all(ratio > 0 for ratio in moved["second"])
    # Of several updates of one model it is not known how far each has moved it.
    assert all(math.isnan(ratio) == (rounds > 1) for ratio in moved["first"])


def test_models_trained_by_functions_in_turn_are_told_of_where_they_move() -> None:
    first, second = mlp(), mlp()
    one, two = optimizers.SGD(0.1), optimizers.SGD(0.1)

    def step(model: Any, optimizer: Any) -> Callable[[], None]:
        optimizer.build(model.trainable_variables)

        @tf.function(jit_compile=True)
        def trains() -> None:
            with tf.GradientTape() as tape:
                loss = LOSS(Y, model(X))
            gradients = tape.gradient(loss, model.trainable_variables)
            optimizer.apply(gradients, model.trainable_variables)

        trained: Callable[[], None] = trains
        return trained

    config.disable_op_determinism()
    steps = step(first, one), step(second, two)
    with watched(every=1, first=first, second=second, one=one, two=two) as context:
        for _ in range(3):
            for function in steps:
                function()
    found = context.of(LayerStatistics)
    assert {r.model: r.step % 2 for r in found} == {"first": 1, "second": 0}
    assert all(ratio > 0 for r in found for ratio in r.update_ratio)


def test_a_model_that_is_trained_no_more_is_not_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    begun: list[str] = []
    begin = ModelLook.begin

    def counted(look: ModelLook) -> bool:
        begun.append(look.model.name)
        return begin(look)

    monkeypatch.setattr(ModelLook, "begin", counted)
    with watched(every=1):
        fit(optimizers.SGD(0.1), jit_compile=False)
        first = len(begun)
        fit(optimizers.SGD(0.1), jit_compile=False)
    assert (first, len(begun)) == (STEPS, 2 * STEPS)
    assert len(set(begun[:first])) == len(set(begun[first:])) == 1


class OwnSchedule(optimizers.schedules.LearningRateSchedule):
    """A schedule that nobody else knows, and that must not be asked by anybody."""

    def __call__(self, step: Any) -> Any:
        assert not tf.executing_eagerly()
        return 0.1 / (1.0 + tf.cast(step, tf.float32))


def test_a_rate_that_the_step_computes_comes_out_of_it() -> None:
    with watched(every=1) as context:
        fit(optimizers.SGD(OwnSchedule()), jit_compile=False)
    rates = {r.step: r.learning_rates[0] for r in context.of(LearningRate)}
    assert rates == pytest.approx({step: 0.1 / step for step in range(1, STEPS + 1)})


def test_embeddings_in_a_graph_have_dense_norms() -> None:
    words = np.array([[0, 1, 1], [1, 2, 2]])

    def train(**compiled: Any) -> list[LayerStatistics]:
        keras.utils.set_random_seed(2)
        model = keras.Sequential([keras.Input((3,), dtype="int32"), layers.Embedding(5, 4)])
        model.add(layers.GlobalAveragePooling1D())
        model.add(layers.Dense(1))
        model.compile(optimizers.SGD(0.5), "mse", **compiled)
        with watched(every=1) as context:
            model.fit(words, np.ones((2, 1)), epochs=2, verbose=0)
        return context.of(LayerStatistics)

    graph, eager = train(jit_compile=False), train(run_eagerly=True)
    assert len(graph) == len(eager) == 2
    for one, other in zip(graph, eager, strict=True):
        assert one.gradient_norm == pytest.approx(other.gradient_norm, rel=1e-5)
        assert one.update_ratio == pytest.approx(other.update_ratio, rel=1e-4)
