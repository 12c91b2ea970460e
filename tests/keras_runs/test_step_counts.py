"""The steps that a run reports are those that were made, however they are run and looked at."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers
from probes.fakes import FakeContext

from collapse_magic.config import WatchConfig
from collapse_magic.probes.keras import KerasProbe
from collapse_magic.report import Report
from collapse_magic.session.user_code import ScriptCode
from collapse_magic.session.watch_session import WatchSession

BATCH, BATCHES = 16, 4
X = np.random.default_rng(0).normal(size=(BATCH * BATCHES, 4)).astype("float32")
Y = X[:, :3].argmax(1).astype("int32")
LOSS = keras.losses.SparseCategoricalCrossentropy(from_logits=True)


def network(**settings: Any) -> keras.Model:
    keras.utils.set_random_seed(1)
    model = keras.Sequential([keras.Input((4,)), layers.Dense(5, "relu"), layers.Dense(3)])
    model.compile("adam", LOSS, **{"jit_compile": False, **settings})
    return model


def made(model: keras.Model) -> int:
    return int(model.optimizer.iterations)


def batches(steps: int) -> Any:
    return tf.data.Dataset.from_tensor_slices((X, Y)).batch(BATCH).repeat().take(steps)


def on_batches(**settings: Any) -> int:
    """More steps than are looked at one by one, of sizes that are traced anew."""
    model = network(**settings)
    for step in range(150):
        size = 3 if step == 149 else BATCH
        model.train_on_batch(X[:size], Y[:size])
    return made(model)


def fit(**settings: Any) -> int:
    model = network(**settings)
    model.fit(X[:50], Y[:50], batch_size=BATCH, epochs=40, verbose=0)
    return made(model)


def stepper(model: keras.Model) -> Callable[[Any, Any], Any]:
    def step(inputs: Any, labels: Any) -> Any:
        with tf.GradientTape() as tape:
            loss = LOSS(labels, model(inputs, training=True))
        gradients = tape.gradient(loss, model.trainable_variables)
        model.optimizer.apply_gradients(zip(gradients, model.trainable_variables, strict=True))
        return loss

    return step


def loop(compiled: Callable[[Any], Any], steps: int) -> int:
    model = network()
    step, inputs, labels = compiled(stepper(model)), tf.constant(X), tf.constant(Y)
    for _ in range(steps):
        step(inputs, labels)
    return made(model)


def in_a_graph() -> int:
    model = network()
    step = stepper(model)

    @tf.function
    def train(data: Any) -> None:
        for inputs, labels in data:
            step(inputs, labels)

    train(batches(130))
    return made(model)


def one_after_the_other() -> int:
    """Steps that the graph counts, and then a model whose steps Python does."""
    return fit(steps_per_execution=3) + on_batches() + loop(tf.function, 10)


WAYS: dict[str, Callable[[], int]] = {
    "train_on_batch": on_batches,
    "train_on_batch XLA": lambda: on_batches(jit_compile=True),
    "fit": fit,
    "several at once": lambda: fit(steps_per_execution=3),
    "eager": lambda: loop(lambda step: step, 70),
    "function": lambda: loop(tf.function, 150),
    "function XLA": lambda: loop(tf.function(jit_compile=True), 150),
    "in a graph": in_a_graph,
    "one after the other": one_after_the_other,
}


def session_of(train: Callable[[], int]) -> tuple[int, Report]:
    """Steps that were made, and the report of a usual run."""
    code = ScriptCode.of_caller(sys._getframe())
    session = WatchSession(WatchConfig(tensorboard=False), code)
    session.start()
    try:
        steps = train()
    finally:
        report = session.stop()
    return steps, report


@pytest.mark.parametrize("way", WAYS)
def test_a_run_reports_the_steps_that_were_made(way: str) -> None:
    steps, report = session_of(WAYS[way])
    assert steps >= 70
    assert report.steps == steps
    assert report.notes == ()


def test_the_books_outlast_the_watching() -> None:
    probe = KerasProbe(FakeContext())
    probe.attach()
    steps = on_batches()
    probe.flush()
    cost = probe.cost_seconds
    assert cost > probe.plan.own_seconds, "what passes unseen has its price"
    probe.detach()
    assert probe.steps == steps
    assert probe.cost_seconds == cost


def traced_for_us(train: Callable[[], Any]) -> float:
    """Seconds of tracing that would not have been without the watching; 0 for none."""
    probe = KerasProbe(FakeContext())
    probe.attach()
    try:
        train()
    finally:
        probe.detach()
    return probe.fixed_seconds - probe.handing_seconds


def test_to_trace_anew_what_had_been_traced_is_cost() -> None:
    model, step = network(), tf.function(stepper(network()))
    given = tf.constant(X), tf.constant(Y)
    fits: list[Callable[[], Any]] = [
        lambda: model.fit(X, Y, batch_size=BATCH, verbose=0),
        lambda: [step(*given) for _ in range(3)],
    ]
    for train in fits:
        assert traced_for_us(train) == 0, "it would have been traced anyway"
        train()
        assert traced_for_us(train) > 0


def test_a_trace_in_a_second_watched_cell_is_cost() -> None:
    """By itself it would have been made in the first, and used again."""
    model, step = network(), tf.function(stepper(network()))
    given = tf.constant(X), tf.constant(Y)

    def fit_model() -> None:
        model.fit(X, Y, batch_size=BATCH, verbose=0)

    fits: list[Callable[[], Any]] = [fit_model, lambda: [step(*given) for _ in range(3)]]
    for train in fits:
        assert traced_for_us(train) == 0
        assert traced_for_us(train) > 0
    model.compile("sgd", LOSS, jit_compile=False)
    assert traced_for_us(fit_model) == 0, "what is compiled anew is traced anew"


def test_what_compiled_functions_hand_out_is_cost() -> None:
    probe = KerasProbe(FakeContext())
    probe.attach()
    loop(lambda step: step, 5)
    assert probe.fixed_seconds == 0, "nothing is handed out where nothing is compiled"
    fit()
    probe.detach()
    assert probe.fixed_seconds == probe.handing_seconds > 0
