"""Loss functions that people write: what they take their arguments for, and what stays unknown."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import ops

from collapse_magic.probes.keras.own_losses import Understood, understood
from collapse_magic.records import LossFacts

from .notebook import run
from .watched import counted, counts, facts, watched

Loss = Callable[[Any, Any], Any]
BINARY, LOGITS = "binary_cross_entropy", "binary_cross_entropy_with_logits"


def two_sided(y: Any, p: Any) -> Any:
    y, p = tf.cast(y, p.dtype), tf.clip_by_value(p, 1e-7, 1 - 1e-7)
    return -tf.reduce_mean(y * tf.math.log(p) + (1 - y) * tf.math.log(1 - p), axis=-1)


def weighed(y: Any, p: Any) -> Any:
    y = tf.cast(y, p.dtype)
    return -tf.reduce_mean(4.0 * y * tf.math.log(p) + (1 - y) * tf.math.log(1 - p))


def focal(y: Any, p: Any) -> Any:
    q = tf.where(tf.equal(y, 1), p, 1 - p)
    return -100.0 * tf.reduce_mean((1 - q) ** 2 * tf.math.log(q + 1e-7))


def focal_with_alpha(y: Any, p: Any) -> Any:
    ones = tf.where(tf.equal(y, 1), p, tf.ones_like(p))
    zeros = tf.where(tf.equal(y, 0), p, tf.zeros_like(p))
    of_ones = 0.25 * tf.pow(1 - ones, 2.0) * tf.math.log(ones + 1e-7)
    return -tf.reduce_sum(of_ones) - tf.reduce_sum(tf.pow(zeros, 2.0) * tf.math.log(1 - zeros))


def chosen(y: Any, p: Any) -> Any:
    y = tf.cast(y, p.dtype)
    return -tf.reduce_mean(tf.math.log(y * p + (1 - y) * (1 - p)))


def xlogy(y: Any, p: Any) -> Any:
    y = tf.cast(y, p.dtype)
    return -tf.math.xlogy(y, p) - tf.math.xlog1py(1 - y, -p)


def on_logits(y: Any, z: Any) -> Any:
    y = tf.cast(y, z.dtype)
    return tf.maximum(z, 0) - z * y + tf.math.log1p(tf.exp(-tf.abs(z)))


def softplus(y: Any, z: Any) -> Any:
    return tf.nn.softplus(z) - z * tf.cast(y, z.dtype)


def own_sigmoid(y: Any, z: Any) -> Any:
    return two_sided(y, tf.sigmoid(z))


def normalised(y: Any, p: Any) -> Any:
    p = p / ops.sum(p, axis=-1, keepdims=True)
    return -ops.sum(y * ops.log(p) * np.array([1.0, 2.0, 3.0], "float32"), axis=-1)


def of_one_hot(y: Any, p: Any) -> Any:
    return -tf.reduce_sum(y * tf.math.log(p), -1)


def own_softmax(y: Any, z: Any) -> Any:
    powers = tf.exp(z - tf.reduce_max(z, -1, keepdims=True))
    return of_one_hot(y, powers / tf.reduce_sum(powers, -1, keepdims=True))


def by_index(y: Any, p: Any) -> Any:
    labels = tf.cast(tf.reshape(y, [-1]), tf.int32)
    return -tf.math.log(tf.gather(p, labels, batch_dims=1))


def log_sum_exp(y: Any, z: Any) -> Any:
    labels = tf.one_hot(tf.cast(tf.reshape(y, [-1]), tf.int32), 3)
    return tf.reduce_logsumexp(z, -1) - tf.reduce_sum(labels * z, -1)


def squares(y: Any, p: Any) -> Any:
    return ops.mean((ops.cast(y, p.dtype) - p) ** 2, axis=-1)


def dice(y: Any, p: Any) -> Any:
    y = tf.cast(y, p.dtype)
    return 1 - 2 * tf.reduce_sum(y * p) / (tf.reduce_sum(y) + tf.reduce_sum(p))


def contrastive(y: Any, d: Any) -> Any:
    y = tf.cast(y, d.dtype)
    return tf.reduce_mean(y * d + (1 - y) * tf.maximum(1 - d, 0))


def turned_round(y: Any, d: Any) -> Any:
    return two_sided(1 - tf.cast(y, d.dtype), d)


def one_sided(y: Any, p: Any) -> Any:
    return -tf.reduce_mean(tf.cast(y, p.dtype) * tf.math.log(p))


def of_a_column(y: Any, p: Any) -> Any:
    return -tf.reduce_mean(y * tf.math.log(p[:, :1]))


def broadcast(y: Any, p: Any) -> Any:
    return -tf.reduce_mean(tf.cast(y, p.dtype) * tf.math.log(p))


def without_labels(y: Any, p: Any) -> Any:
    return tf.reduce_mean(p * tf.math.log(p))


def of_a_cosine(y: Any, p: Any) -> Any:
    return -tf.reduce_mean(y * tf.math.log(tf.cos(p)))


# Function, outputs, columns of the targets, and what it is.
READ: list[tuple[Loss, int, int, Understood | None]] = [
    (two_sided, 1, 1, Understood(BINARY)),
    (two_sided, 3, 3, Understood(BINARY)),
    (weighed, 1, 1, Understood(BINARY, weighted=True)),
    (focal, 1, 1, Understood(BINARY)),
    (focal_with_alpha, 1, 1, Understood(BINARY, weighted=True)),
    (chosen, 1, 1, Understood(BINARY)),
    (xlogy, 1, 1, Understood(BINARY)),
    (on_logits, 1, 1, Understood(LOGITS)),
    (softplus, 1, 1, Understood(LOGITS)),
    (own_sigmoid, 1, 1, Understood(LOGITS)),
    (normalised, 3, 3, Understood("categorical_crossentropy", weighted=True)),
    (of_one_hot, 3, 3, Understood("categorical_crossentropy")),
    (own_softmax, 3, 3, Understood("soft_cross_entropy")),
    (by_index, 3, 1, Understood("sparse_categorical_crossentropy")),
    (log_sum_exp, 3, 1, Understood("cross_entropy")),
    (squares, 1, 1, Understood("mse")),
    (dice, 1, 1, None),
    (contrastive, 1, 1, None),
    (turned_round, 1, 1, None),
    (one_sided, 1, 1, None),
    (of_a_column, 3, 1, None),
    (broadcast, 3, 1, None),
    (without_labels, 3, 3, None),
    (of_a_cosine, 3, 3, None),
]


def read(loss: Loss, outputs: int, columns: int, activation: Any = tf.identity) -> Any:
    """What is understood of a loss, traced once as Keras wraps it."""
    wrapped = keras.losses.Loss.__call__
    found: list[Understood | None] = []

    class Own(keras.losses.Loss):
        def call(self, y_true: Any, y_pred: Any) -> Any:
            return loss(y_true, y_pred)

    @tf.function(autograph=False)
    def graph(y: Any, z: Any) -> Any:
        p = activation(z)
        value = wrapped(Own(), y, p)
        found.append(understood(value, y, p))
        return value

    given = (tf.TensorSpec([None, columns]), tf.TensorSpec([None, outputs]))
    graph.get_concrete_function(*given)
    return found[0]


@pytest.mark.parametrize(("loss", "outputs", "columns", "expected"), READ)
def test_what_a_function_takes_its_arguments_for(
    loss: Loss, outputs: int, columns: int, expected: Understood | None
) -> None:
    assert read(loss, outputs, columns) == expected


def test_without_a_logarithm_the_layers_tell() -> None:
    assert read(dice, 1, 1, tf.sigmoid) == Understood("custom")
    assert read(dice, 3, 3, tf.nn.softmax) == Understood("custom")
    assert read(dice, 3, 3, tf.nn.relu) is None
    assert read(contrastive, 1, 1, tf.sigmoid) is None


def test_a_value_says_nothing_of_how_it_was_made() -> None:
    y, p = tf.ones((4, 1)), tf.fill((4, 1), 0.5)
    assert understood(two_sided(y, p), y, p) is None


DATA = """
import keras
import numpy as np
import tensorflow as tf
rng = np.random.default_rng(0)
X = rng.normal(size=(1024, 6)).astype("float32")
y = (X[:, 0] + X[:, 1] > 0).astype("float32")[:, None]

def my_loss(y_true, y_pred):
    y_pred = tf.clip_by_value(y_pred, 1e-7, 1 - 1e-7)
    yes, no = y_true * tf.math.log(y_pred), (1 - y_true) * tf.math.log(1 - y_pred)
    return -tf.reduce_mean(yes + no, axis=-1)
"""
MODEL = """
model = keras.Sequential([keras.Input((6,)), keras.layers.Dense(8, activation="relu"),
                          keras.layers.Dense(1{activation})])
model.compile(keras.optimizers.Adam(0.01), my_loss, metrics=["accuracy"])
"""
FIT = "history = model.fit(X, y, epochs=6, batch_size=32, verbose=0)"


def test_a_written_loss_on_raw_outputs_is_named() -> None:
    done = run(DATA, MODEL.format(activation=""), FIT)
    assert (done.first.rule, done.first.severity) == ("missing-activation", "error")
    after = done.cured()
    assert 'Dense(1, activation="sigmoid")' in after.cells[2] and not after.alarms


def test_a_softmax_in_front_of_a_function_with_its_own_is_dropped() -> None:
    data = """
import keras
import numpy as np
import tensorflow as tf
X = np.random.default_rng(0).normal(size=(1024, 6)).astype("float32")
y = X[:, :3].argmax(1)

def my_loss(y_true, y_pred):
    labels = tf.one_hot(tf.cast(tf.reshape(y_true, [-1]), tf.int32), 3)
    return -tf.reduce_sum(labels * tf.nn.log_softmax(y_pred), axis=-1)
"""
    model = MODEL.replace("Dense(1{activation})", 'Dense(3, activation="softmax")')
    done = run(data, model.replace("Adam(0.01)", "SGD(0.01)"), FIT)
    assert done.first.rule == "double-activation"
    after = done.cured()
    assert "layers.Dense(3)" in after.cells[2]
    assert not after.alarms


def test_labels_that_a_written_loss_does_not_take_are_named() -> None:
    four = "y = rng.integers(0, 4, (1024, 1)).astype('float32')\n"
    done = run(DATA + four, MODEL.format(activation=', activation="sigmoid"'), FIT)
    assert done.first.rule == "labels-out-of-range"


def test_a_written_loss_that_fits_raises_no_alarm() -> None:
    done = run(DATA, MODEL.format(activation=', activation="sigmoid"'), FIT)
    assert not done.alarms and done.variables["history"].history["accuracy"][-1] > 0.8


class Own(keras.Model):
    """Computes its loss by a function of its own."""

    def compute_loss(self, x: Any = None, y: Any = None, y_pred: Any = None, *_: Any, **__: Any):  # type: ignore[no-untyped-def]
        return two_sided(y, y_pred)


@pytest.mark.parametrize("eagerly", [False, True])
def test_predictions_under_a_written_loss_are_counted(eagerly: bool) -> None:
    rng = np.random.default_rng(2)
    x = rng.normal(size=(64, 4)).astype("float32")
    y = (x[:, :1] > 0.3).astype("float32")
    given = keras.Input((4,))
    kinds = [keras.Model] if eagerly else [keras.Model, Own]
    for kind in kinds:
        model = kind(given, keras.layers.Dense(1, activation="sigmoid")(given))
        model.compile(keras.optimizers.SGD(0.0), two_sided, run_eagerly=eagerly)
        with watched(model=model) as context:
            model.fit(x, y, batch_size=16, verbose=0)
            model.evaluate(x, y, batch_size=16, verbose=0)
        expected = counted(model.predict(x, verbose=0), y, 2)
        found: LossFacts = facts(context)
        assert (found.loss, found.activations) == (BINARY, ("sigmoid",))
        assert np.array_equal(counts(context), expected)
        if not eagerly:
            assert np.array_equal(counts(context, "eval"), expected)


@pytest.mark.parametrize(("times", "known"), [(40, "categorical_crossentropy"), (900, None)])
def test_a_graph_with_ever_more_ways_through_it_is_read_in_no_time(
    times: int, known: str | None
) -> None:
    """Probabilities that are divided by their sum again and again: 2 ** 40 ways to the outputs."""
    with tf.Graph().as_default():
        labels = tf.constant(np.eye(3, dtype="float32"))
        outputs = given = tf.constant(np.full((3, 3), 1 / 3, "float32"))
        for _ in range(times):
            given = given / tf.reduce_sum(given)
        value = -tf.reduce_mean(tf.reduce_sum(labels * tf.math.log(given), axis=-1))
        found = understood(value, labels, outputs)
    assert (found and found.loss) == known
