"""Whatever of ours raises: the training goes on bit for bit, it is said once, all is put back."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
from guarantees.faults import Fault
from keras import layers
from probes.fakes import FakeContext

from collapse_magic.config import WatchConfig
from collapse_magic.probes.keras import KerasProbe

from .faulty import Train, called_while, problems

LOSS = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
X = np.linspace(-1, 1, 96, dtype="float32").reshape(24, 4)
Y = (np.arange(24) % 3).astype("int32")


def network() -> Any:
    keras.utils.set_random_seed(5)
    hidden = layers.Dense(5, activation="relu")
    return keras.Sequential([keras.Input((4,)), hidden, layers.Dense(3)])


def loop(compiled: Callable[[Any], Any], **settings: Any) -> list[bytes]:
    """Steps of a handwritten loop; whatever a user could look at."""
    model, optimizer = network(), keras.optimizers.SGD(0.1, **settings)
    optimizer.build(model.trainable_variables)

    def step(inputs: Any, labels: Any) -> Any:
        with tf.GradientTape() as tape:
            loss = LOSS(labels, model(inputs, training=True))
        gradients = tape.gradient(loss, model.trainable_variables)
        optimizer.apply_gradients(zip(gradients, model.trainable_variables, strict=True))
        return loss

    function = compiled(step)
    seen = [function(tf.constant(X), tf.constant(Y)).numpy().tobytes() for _ in range(3)]
    return seen + [weight.numpy().tobytes() for weight in model.weights]


def fit(x: Any = X) -> list[bytes]:
    """A fit with validation; whatever a user could look at."""
    model = network()
    model.compile(keras.optimizers.Adam(0.01), LOSS, jit_compile=False)
    history = model.fit(x, Y, batch_size=8, epochs=2, verbose=0, validation_data=(X, Y))
    seen = [np.array(values).tobytes() for values in history.history.values()]
    return seen + [weight.numpy().tobytes() for weight in model.weights]


# Ways to train, the quickest first.
STYLES: dict[str, Train] = {
    "eager": partial(loop, lambda step: step),
    "function": partial(loop, tf.function),
    "accumulated": partial(loop, tf.function, gradient_accumulation_steps=2),
    "fit": fit,
    "fit with missing values": partial(fit, np.where(X > 0.9, np.nan, X)),
}


def effects(step: Callable[[Any], Any], break_told: bool = False) -> float:
    """How often a step that fails after its effect has had it, watched."""
    with pytest.MonkeyPatch.context() as patch:
        fault = None
        if break_told:
            fault = Fault("collapse_magic.probes.keras.functions:Shadow.told", patch)
        probe = KerasProbe(FakeContext(config=WatchConfig(budget=1e6, every=1)))
        probe.attach()
        try:
            with pytest.raises(Exception, match="on purpose"):
                step(tf.constant(-1.0))
        finally:
            probe.detach()
        assert fault is None or fault.hits == 1
    return float(MADE.numpy())


MADE = tf.Variable(0.0)


def test_a_function_that_fails_when_it_runs_is_not_run_once_more() -> None:
    MADE.assign(0)

    @tf.function
    def step(value: Any) -> Any:
        with tf.control_dependencies([MADE.assign_add(1)]):
            tf.debugging.assert_positive(value, "on purpose")
        return value

    assert effects(step, break_told=True) == 1


def test_a_function_that_is_run_eagerly_is_not_run_once_more() -> None:
    MADE.assign(0)

    @tf.function
    def step(value: Any) -> Any:
        MADE.assign_add(1)
        raise ValueError("on purpose")

    tf.config.run_functions_eagerly(True)
    try:
        assert effects(step) == 1
    finally:
        tf.config.run_functions_eagerly(False)


@pytest.mark.parametrize("style", STYLES)
def test_a_fault_anywhere_in_the_probe_ends_the_watching_and_nothing_else(style: str) -> None:
    train = STYLES[style]
    places = called_while(train, KerasProbe)
    for quicker in list(STYLES)[: list(STYLES).index(style)]:
        places -= called_while(STYLES[quicker], KerasProbe)
    assert places
    assert problems(train, KerasProbe, places) == {}
