"""AutoGraph rewrites the user's code in a compiled function, and calls everything else as it is.

What stands in TensorFlow's and Keras' place is to be left alone as they are: rewritten it would run
in the user's graph, in an order of AutoGraph's, and cost the time of its conversion.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers
from probes.fakes import FakeContext
from tensorflow.python.autograph.impl import api, conversion

from collapse_magic.probes.keras import KerasProbe
from collapse_magic.probes.patching import Patches

from .watched import watched

X = np.random.default_rng(0).normal(size=(32, 4)).astype("float32")
Y = X[:, :3].argmax(1).astype("int32")


def converted() -> set[str]:
    """Files of the functions that AutoGraph has converted so far."""
    return {code.co_filename for code in api._TRANSPILER._cache._cache}


@pytest.fixture
def nothing_of_ours() -> Iterator[None]:
    yield
    files = converted()
    assert __file__ in files
    assert not [name for name in files if "collapse_magic" in name]


def network() -> keras.Model:
    keras.utils.set_random_seed(1)
    return keras.Sequential([keras.Input((4,)), layers.Dense(5, "relu"), layers.Dense(3)])


class OwnLoss(keras.losses.Loss):
    def call(self, labels: Any, scores: Any) -> Any:
        labels = tf.cast(labels, tf.int32)
        return tf.nn.sparse_softmax_cross_entropy_with_logits(labels, scores)


def picked(labels: Any, scores: Any) -> Any:
    likely = tf.gather(tf.nn.softmax(scores), labels, batch_dims=1)
    return -tf.reduce_mean(tf.math.log(likely))


def two_sided(labels: Any, scores: Any) -> Any:
    chances, wanted = tf.nn.sigmoid(scores), tf.one_hot(labels, 3)
    misses = (1 - wanted) * tf.math.log(1 - chances)
    return -tf.reduce_mean(wanted * tf.math.log(chances) + misses)


def operations(labels: Any, scores: Any) -> Any:
    wanted = tf.one_hot(labels, 3)
    loss = tf.reduce_mean(tf.nn.softmax_cross_entropy_with_logits(wanted, scores))
    return loss + tf.reduce_mean(tf.nn.sigmoid_cross_entropy_with_logits(wanted, scores))


LOSSES: dict[str, Callable[[Any, Any], Any]] = {
    "object": keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    "own object": OwnLoss(),
    "function": keras.losses.sparse_categorical_crossentropy,
    "operations": operations,
    "log": picked,
    "two-sided": two_sided,
}


@pytest.mark.usefixtures("nothing_of_ours")
@pytest.mark.parametrize("loss", LOSSES.values(), ids=LOSSES)
def test_in_a_function_with_a_loop_over_data_only_the_users_code_is_converted(
    loss: Callable[[Any, Any], Any],
) -> None:
    with watched():
        model, optimizer = network(), keras.optimizers.SGD(0.1)

        @tf.function
        def train(data: Any) -> Any:
            total = 0.0
            for inputs, labels in data:
                with tf.GradientTape() as tape:
                    value = tf.reduce_mean(loss(labels, model(inputs, training=True)))
                gradients = tape.gradient(value, model.trainable_variables)
                if value < 1e9:
                    optimizer.apply_gradients(
                        zip(gradients, model.trainable_variables, strict=True)
                    )
                total += value
            return total

        train(tf.data.Dataset.from_tensor_slices((X, Y)).batch(16))


class OwnStep(keras.Model):
    def __init__(self) -> None:
        super().__init__()
        self.net = network()

    def call(self, inputs: Any) -> Any:
        return self.net(inputs)

    def train_step(self, data: Any) -> Any:
        inputs, labels = data

        @tf.function
        def loss_of(scores: Any) -> Any:
            return picked(labels, scores)

        with tf.GradientTape() as tape:
            loss = loss_of(self(inputs, training=True))
        gradients = tape.gradient(loss, self.trainable_variables)
        self.optimizer.apply_gradients(zip(gradients, self.trainable_variables, strict=True))
        return {"loss": loss}


@pytest.mark.usefixtures("nothing_of_ours")
def test_in_a_train_step_of_ones_own_only_the_users_code_is_converted() -> None:
    with watched():
        model = OwnStep()
        model.compile("sgd", jit_compile=False)
        model.fit(X, Y, batch_size=16, verbose=0)


def test_autograph_treats_every_replacement_as_what_it_replaces(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    replaced: list[tuple[str, Any, Any]] = []
    replace = Patches.replace

    def noted(patches: Patches, owner: Any, name: str, make: Callable[[Any], Any]) -> Any:
        original = getattr(owner, name)
        ours = replace(patches, owner, name, make)
        replaced.append((f"{owner.__name__}.{name}", original, ours))
        return ours

    monkeypatch.setattr(Patches, "replace", noted)
    probe = KerasProbe(FakeContext())
    probe.attach()
    try:
        allowed = {
            name: (conversion.is_allowlisted(original), conversion.is_allowlisted(ours))
            for name, original, ours in replaced
        }
    finally:
        probe.detach()
    assert len(allowed) > 20
    assert [name for name, (before, now) in allowed.items() if before != now] == []
