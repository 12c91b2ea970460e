"""Optimizer steps, learning rates and layers: the numbers are those of the training itself.

The reference trains the same model by a tape, step by step, and is looked at with NumPy alone.
"""

from __future__ import annotations

import gc
import math
import warnings
import weakref
from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers, optimizers

from collapse_magic.records import (
    LayerStatistics,
    LearningRate,
    ModelFacts,
    OptimizerFacts,
    Wiring,
)

from .watched import watched

# Keras compares its metrics with NumPy's functions, which warns since NumPy 2.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation")

N, BATCH, STEPS = 64, 16, 8
LAYERS = ("one", "two")


def data() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(N, 4)).astype("float32")
    return x, x[:, :3].argmax(1).astype("int32")


def mlp() -> keras.Model:
    keras.utils.set_random_seed(1)
    return keras.Sequential(
        [keras.Input((4,)), layers.Dense(8, "relu", name="one"), layers.Dense(3, name="two")]
    )


LOSS = keras.losses.SparseCategoricalCrossentropy(from_logits=True)


def norm(values: list[np.ndarray]) -> float:
    return math.sqrt(sum(float((np.asarray(v, "float64") ** 2).sum()) for v in values))


def reference(optimizer: Any, steps: int = STEPS) -> list[dict[str, Any]]:
    """Per step the gradient norms, weight norms and update ratios of both layers."""
    model, (x, y) = mlp(), data()
    found = []
    for step in range(steps):
        part = slice(step * BATCH % N, step * BATCH % N + BATCH)
        with tf.GradientTape() as tape:
            loss = LOSS(y[part], model(x[part]))
        gradients = tape.gradient(loss, model.trainable_variables)
        before = [w.numpy() for w in model.trainable_variables]
        optimizer.apply_gradients(zip(gradients, model.trainable_variables, strict=True))
        after = [w.numpy() for w in model.trainable_variables]
        pairs = [slice(0, 2), slice(2, 4)]
        moved = [a - b for a, b in zip(after, before, strict=True)]
        found.append(
            {
                "gradient": [norm([g.numpy() for g in gradients[p]]) for p in pairs],
                "weight": [norm(after[p]) for p in pairs],
                "ratio": [norm(moved[p]) / norm(before[p]) for p in pairs],
            }
        )
    return found


def fit(optimizer: Any, epochs: int = 2, callbacks: Any = (), **compiled: Any) -> keras.Model:
    model, (x, y) = mlp(), data()
    model.compile(optimizer, LOSS, **compiled)
    given = {"batch_size": BATCH, "epochs": epochs, "shuffle": False, "verbose": 0}
    model.fit(x, y, callbacks=list(callbacks), **given)
    return model


def assert_as(
    found: list[LayerStatistics], expected: list[dict[str, Any]], style: str = ""
) -> None:
    """Of what XLA has compiled gradients are not seen."""
    fused = style == "compiled"
    assert [r.step for r in found] == list(range(1, len(expected) + 1))
    for record, one in zip(found, expected, strict=True):
        gradients = [math.nan] * 2 if fused else one["gradient"]
        assert record.gradient_norm == pytest.approx(gradients, rel=1e-4, nan_ok=True)
        assert record.weight_norm == pytest.approx(one["weight"], rel=1e-4)
        assert record.update_ratio == pytest.approx(one["ratio"], rel=1e-3)


STYLES: dict[str, dict[str, Any]] = {
    "graph": {"jit_compile": False},
    "compiled": {"jit_compile": True},
    "eager": {"run_eagerly": True},
    "several steps at once": {"steps_per_execution": 4, "jit_compile": False},
}


@pytest.mark.parametrize("style", STYLES)
def test_layers_are_looked_at_in_every_style(style: str) -> None:
    expected = reference(optimizers.SGD(0.1, momentum=0.9))
    with watched(every=1) as context:
        fit(optimizers.SGD(0.1, momentum=0.9), **STYLES[style])
    assert_as(context.of(LayerStatistics), expected, style)
    (facts,) = context.of(ModelFacts)
    assert tuple(layer.name for layer in facts.layers) == LAYERS
    assert {r.model for r in context.of(LayerStatistics)} == {facts.model}
    (told,) = context.of(OptimizerFacts)
    assert (told.kind, told.step, told.momentum) == ("SGD", 1, 0.9)
    assert told.learning_rates == pytest.approx((0.1,)) and told.models == (facts.model,)


def adamw() -> Any:
    return optimizers.AdamW(0.01, weight_decay=0.02)


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("make", [adamw, lambda: optimizers.Adam(0.01, clipnorm=0.05)])
def test_training_is_bit_for_bit_the_same(make: Callable[[], Any], style: str) -> None:
    plain = [w.numpy().tobytes() for w in fit(make(), **STYLES[style]).weights]
    with watched(every=1) as context:
        model = fit(make(), **STYLES[style])
    assert [w.numpy().tobytes() for w in model.weights] == plain
    assert len(context.of(LayerStatistics)) == STEPS


def test_gradients_are_those_that_the_step_uses() -> None:
    expected = reference(optimizers.SGD(0.1))
    with watched(every=1) as clipped:
        fit(optimizers.SGD(0.1, clipnorm=0.05))
    norms = [r.gradient_norm for r in clipped.of(LayerStatistics)]
    assert len(norms) == STEPS
    assert all(
        n <= math.sqrt(2) * 0.05 * 1.0001 for both in norms for n in both
    )  # two weights each
    with watched(every=1) as scaled:
        fit(optimizers.LossScaleOptimizer(optimizers.SGD(0.1)))
    found = [r.gradient_norm for r in scaled.of(LayerStatistics)]
    assert found == [pytest.approx(one["gradient"], rel=1e-3) for one in expected]
    assert [f.kind for f in scaled.of(OptimizerFacts)] == ["SGD"]


def test_accumulated_gradients_are_one_step() -> None:
    model, (x, y) = mlp(), data()
    with tf.GradientTape() as tape:  # the mean over two batches of one size
        loss = LOSS(y[: 2 * BATCH], model(x[: 2 * BATCH]))
    gradients = [g.numpy() for g in tape.gradient(loss, model.trainable_variables)]
    with watched(every=1) as context:
        fit(optimizers.SGD(0.1, gradient_accumulation_steps=2))
    found = context.of(LayerStatistics)
    assert [r.step for r in found] == [1, 2, 3, 4]
    assert found[0].gradient_norm == pytest.approx(
        [norm(gradients[:2]), norm(gradients[2:])], rel=1e-4
    )


@pytest.mark.parametrize("style", STYLES)
def test_learning_rates_as_scheduled(style: str) -> None:
    schedule = optimizers.schedules.ExponentialDecay(0.1, 1, 0.5)
    with watched(every=1) as context:
        fit(optimizers.SGD(schedule), **STYLES[style])
    rates = {r.step: r.learning_rates[0] for r in context.of(LearningRate)}
    assert rates == pytest.approx({step: 0.1 * 0.5 ** (step - 1) for step in range(1, 9)})


def test_learning_rates_that_a_callback_sets() -> None:
    plateau = keras.callbacks.ReduceLROnPlateau(
        monitor="loss", factor=0.1, patience=0, min_delta=100.0
    )
    with watched(every=1) as context:
        model = fit(optimizers.SGD(0.1), epochs=3, callbacks=[plateau])
    rates = [(r.step, r.learning_rates[0]) for r in context.of(LearningRate)]
    assert rates[:2] == [(1, pytest.approx(0.1)), (9, pytest.approx(0.01))]
    assert rates[-1][1] == pytest.approx(float(model.optimizer.learning_rate))


def test_two_optimizers_in_a_loop_count_together() -> None:
    keras.utils.set_random_seed(0)
    first, second = mlp(), mlp()
    one, two = optimizers.SGD(0.1), optimizers.Adam(0.01)
    x, y = data()
    with watched(every=1, first=first, second=second, one=one, two=two) as context:
        for _ in range(3):
            for model, optimizer in ((first, one), (second, two)):
                with tf.GradientTape() as tape:
                    loss = LOSS(y, model(x))
                gradients = tape.gradient(loss, model.trainable_variables)
                optimizer.apply(gradients, model.trainable_variables)
    facts = [(f.optimizer, f.step, f.models) for f in context.of(OptimizerFacts)]
    assert facts == [("one", 1, ("first",)), ("two", 2, ("second",))]
    looks = [(r.model, r.step) for r in context.of(LayerStatistics)]
    assert looks == [("first" if step % 2 else "second", step) for step in range(1, 7)]


def test_embeddings_have_dense_norms() -> None:
    words = np.array([[0, 1, 1], [1, 2, 2]])
    model = keras.Sequential([keras.Input((3,), dtype="int32"), layers.Embedding(5, 4, name="e")])
    model.add(layers.GlobalAveragePooling1D())
    model.add(layers.Dense(1, name="d"))
    model.compile(optimizers.SGD(0.5), "mse")
    start = model.get_layer("e").embeddings.numpy()
    kernel, bias = (w.numpy() for w in model.get_layer("d").weights)
    error = 2 * (start[words].mean(1) @ kernel + bias - 1) / 2  # of the mean over two samples
    slope = np.zeros_like(start)
    for row, sample in zip(error, words, strict=True):
        for word in sample:
            slope[word] += (row[0] * kernel[:, 0]) / 3
    with watched(every=1) as context:
        model.fit(words, np.ones((2, 1)), epochs=1, verbose=0)
    (found,) = context.of(LayerStatistics)
    assert found.gradient_norm[0] == pytest.approx(norm([slope]), rel=1e-4)
    assert found.update_ratio[0] == pytest.approx(0.5 * norm([slope]) / norm([start]), rel=1e-4)


class Forgetful(keras.Model):
    """One of its layers is not used."""

    def __init__(self) -> None:
        super().__init__()
        self.used = layers.Dense(3, name="used")
        self.idle = layers.Dense(3, name="idle")

    def build(self, shape: Any) -> None:
        self.used.build(shape)
        self.idle.build(shape)
        self.built = True

    def call(self, x: Any) -> Any:
        return self.used(x)


def test_weights_without_a_gradient() -> None:
    (x, y), net = data(), Forgetful()
    net.compile("sgd", LOSS)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # Keras': gradients do not exist
        with watched(every=1, net=net) as context:
            net.fit(x, y, batch_size=BATCH, verbose=0)
    found = context.of(LayerStatistics)[0]
    assert found.gradient_norm[0] > 0 and math.isnan(found.gradient_norm[1])
    (wiring,) = context.of(Wiring)
    assert wiring.unreached.names == ("idle.kernel", "idle.bias")
    assert wiring.unreached.scalars == 15 and wiring.untrained.tensors == 0
    assert (wiring.model, wiring.optimizers) == ("net", 1)


def test_of_large_weights_a_part_is_looked_at() -> None:
    """The values that are kept tell the change; the gradient's norm is of all of them."""
    model = keras.Sequential([keras.Input((2,)), layers.Dense(300_000, name="wide")])
    model.compile(optimizers.SGD(0.1), "mse")
    x = np.ones((4, 2), "float32")
    with watched(every=1) as context:
        before = model.get_layer("wide").kernel.numpy()
        model.fit(x, np.zeros((4, 300_000), "float32"), epochs=1, verbose=0)
        after = model.get_layer("wide").kernel.numpy()
    (found,) = context.of(LayerStatistics)
    change = norm([after - before, model.get_layer("wide").bias.numpy()])
    assert found.update_ratio[0] == pytest.approx(change / norm([before]), rel=0.05)
    assert found.weight_norm[0] == pytest.approx(norm([after]), rel=0.02)
    assert found.gradient_norm[0] == pytest.approx(change / 0.1, rel=1e-3)


def test_nothing_of_the_users_is_kept() -> None:
    with watched(every=1):
        model = fit(optimizers.Adam(0.01))
    references = [weakref.ref(model), weakref.ref(model.optimizer)]
    del model
    keras.backend.clear_session()
    gc.collect()
    assert [r() for r in references] == [None, None]
