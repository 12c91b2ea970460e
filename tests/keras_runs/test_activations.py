"""Scale of activations and dead units of models in `fit`, against a computation of our own."""

from __future__ import annotations

import math
from typing import Any

import keras
import numpy as np
import pytest
from keras import layers

from collapse_magic.records import ActivationStatistics

from .watched import watched

BATCH, BATCHES = 32, 20
X = np.random.default_rng(1).normal(size=(BATCH * BATCHES, 6)).astype("float32")
Y = (np.arange(len(X)) % 3).astype("int32")
DEAD = 7


def perceptron(**settings: Any) -> keras.Model:
    """Its weights stay what they are; so many units of the first layer never fire."""
    keras.utils.set_random_seed(2)
    first = layers.Dense(20, activation="relu", name="first")
    second = layers.Dense(10, name="second")
    model = keras.Sequential([keras.Input((6,)), first, layers.Dropout(0.5), second])
    model.add(layers.Activation("tanh"))
    model.add(layers.Dense(3))
    bias = np.zeros(20, "float32")
    bias[:DEAD] = -100.0
    first.bias.assign(bias)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.SGD(0.0), loss, **settings)
    return model


def looks(model: keras.Model, x: np.ndarray = X, y: np.ndarray = Y) -> list[Any]:
    with watched(every=1, model=model) as context:
        model.fit(x, y, batch_size=BATCH, verbose=0, shuffle=False)
    return context.of(ActivationStatistics)


@pytest.mark.parametrize("jit", [False, True])
def test_dead_units_and_scales_of_a_perceptron(jit: bool) -> None:
    model = perceptron(jit_compile=jit)
    found = looks(model)
    assert [look.step for look in found] == list(range(1, BATCHES + 1))
    keys = (("first", "second"), ("relu", "tanh"))
    assert {(look.layers, look.kinds) for look in found} == {keys}
    first, second = (model.get_layer(name).get_weights() for name in keys[0])
    for look, x in zip(found, X.reshape(BATCHES, BATCH, 6), strict=True):
        hidden = np.maximum(x @ first[0] + first[1], 0)
        outputs = hidden, np.tanh(hidden @ second[0] + second[1])
        for rms, output in zip(look.rms, outputs, strict=True):
            assert rms == pytest.approx(np.sqrt((output**2).mean()), rel=1e-5)
    # 16 batches of 32 make 512 values; before that nothing is said.
    assert [math.isnan(look.dead[0]) for look in found] == [True] * 15 + [False] * 5
    assert found[-1].dead[0] == DEAD / 20
    assert math.isnan(found[-1].dead[1])  # tanh is never exactly 0


def test_samples_that_are_all_alike_tell_of_no_unit() -> None:
    """What they are zero for may be the data's doing: windows in which nothing happens, say."""
    found = looks(perceptron(), np.zeros_like(X))
    assert len(found) == BATCHES
    assert all(math.isnan(look.dead[0]) and look.seen[0] == 0 for look in found)


def test_batches_of_one_sample_count_like_others() -> None:
    model = perceptron()
    with watched(every=1, model=model) as context:
        model.fit(X[:520], Y[:520], batch_size=1, verbose=0, shuffle=False)
    found = context.of(ActivationStatistics)
    assert found[-1].seen[0] == 519  # the first one has nothing to differ from
    assert found[-1].dead[0] == DEAD / 20


class Users(layers.Layer):
    """A layer of the user's, which runs in the training and at no other time."""

    def __init__(self) -> None:
        super().__init__()
        self.calls = 0

    def call(self, inputs: Any) -> Any:
        self.calls += 1
        return inputs


def test_behind_what_the_user_has_written_nothing_is_looked_at() -> None:
    keras.utils.set_random_seed(2)
    own = Users()
    model = keras.Sequential([keras.Input((6,)), layers.Dense(5, "relu", name="known"), own])
    model.add(layers.Dense(4, "relu"))
    model.add(layers.Dense(3, "softmax"))
    model.compile("sgd", "sparse_categorical_crossentropy", jit_compile=False)
    model.fit(X, Y, batch_size=BATCH, verbose=0)
    traced = own.calls
    found = looks(model)
    assert {look.layers for look in found} == {("known",)}
    assert own.calls <= traced + 1  # traced anew, and not called again


def test_convolutions_count_places_and_batches_are_normalized_by_themselves() -> None:
    keras.utils.set_random_seed(2)
    model = keras.Sequential([keras.Input((8, 8, 1))])
    model.add(layers.Conv2D(4, 3, padding="same", name="filters"))
    model.add(layers.BatchNormalization(name="even"))
    model.add(layers.ReLU())
    model.add(layers.GlobalAveragePooling2D())
    model.add(layers.Dense(3, "softmax"))
    model.compile(keras.optimizers.SGD(0.0), "sparse_categorical_crossentropy")
    x = np.random.default_rng(0).normal(size=(96, 8, 8, 1)).astype("float32")
    before = [w.tobytes() for w in model.get_weights()[:4]]
    (look, *_), after = looks(model, x, Y[:96]), model.get_weights()[:4]
    assert (look.layers, look.kinds) == (("even",), ("relu",))
    assert look.seen == (32 * 64,)
    assert look.dead == (0.0,)
    assert look.rms[0] == pytest.approx(math.sqrt(0.5), rel=0.1)  # half of a normal variable's
    assert before == [w.tobytes() for w in after]
