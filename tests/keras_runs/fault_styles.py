"""Ways to train a small network while functions of the probe raise."""

from __future__ import annotations

from functools import cache, partial
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from keras import layers

from collapse_magic.probes.keras import KerasProbe

from .faulty import Train, called_while, problems
from .tape import tape_step

LOSS = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
X = np.linspace(-1, 1, 96, dtype="float32").reshape(24, 4)
Y = (np.arange(24) % 3).astype("int32")


def network() -> Any:
    keras.utils.set_random_seed(5)
    hidden = layers.Dense(5, activation="relu")
    return keras.Sequential([keras.Input((4,)), hidden, layers.Dense(3)])


def loop(compiled: Any, **settings: Any) -> list[bytes]:
    """Steps of a handwritten loop; whatever a user could look at."""
    model = network()
    function = compiled(tape_step(model, keras.optimizers.SGD(0.1, **settings), LOSS))
    seen = [function(tf.constant(X), tf.constant(Y)).numpy().tobytes() for _ in range(3)]
    return seen + [weight.numpy().tobytes() for weight in model.weights]


def fit(x: Any = X) -> list[bytes]:
    """A fit with validation; whatever a user could look at."""
    model = network()
    model.compile(keras.optimizers.Adam(0.01), LOSS, jit_compile=False)
    history = model.fit(x, Y, batch_size=8, epochs=2, verbose=0, validation_data=(X, Y))
    seen = [np.array(values).tobytes() for values in history.history.values()]
    return seen + [weight.numpy().tobytes() for weight in model.weights]


# The quickest first: a function is broken in the first of them that it has a part in.
STYLES: dict[str, Train] = {
    "eager": partial(loop, lambda step: step),
    "function": partial(loop, tf.function),
    "accumulated": partial(loop, tf.function, gradient_accumulation_steps=2),
    "fit": fit,
    "fit with missing values": partial(fit, np.where(X > 0.9, np.nan, X)),
}


@cache
def _run_by(style: str) -> frozenset[str]:
    return frozenset(called_while(STYLES[style], KerasProbe))


def changed_by_faults(style: str, part: int = 0, parts: int = 1) -> dict[str, str]:
    """What faults in the functions that no quicker style runs change for the user.

    Parameters: which of so many equal parts of these functions.
    """
    quicker = list(STYLES)[: list(STYLES).index(style)]
    places = sorted(_run_by(style).difference(*map(_run_by, quicker)))
    assert len(places) >= parts
    return problems(STYLES[style], KerasProbe, set(places[part::parts]))
