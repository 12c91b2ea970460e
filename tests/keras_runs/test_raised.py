"""A loss that raises in Keras or TensorFlow is explained from its traceback and its words."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from collapse_magic.history import History
from collapse_magic.probes.keras import KerasProbe
from collapse_magic.probes.keras.raised import explain
from collapse_magic.records import LossRaised
from collapse_magic.rules.raised import Problem, problem_of
from tests.probes.fakes import FakeContext

RANDOM = np.random.default_rng(0)
X = RANDOM.normal(size=(70, 4)).astype("float32")
Y = np.arange(70) % 3
ONE_HOT = np.eye(4, dtype="float32")[Y]


def explained(call: Callable[[], object]) -> LossRaised | None:
    try:
        call()
    except Exception as error:
        return explain(error, FakeContext(user_file="test_raised.py"), step=5)
    raise AssertionError("it should have raised")


def model(units: int, activation: str | None, loss: Any = "mse", **options: Any) -> Any:
    made = keras.Sequential([keras.Input((4,)), keras.layers.Dense(units, activation=activation)])
    made.compile(optimizer="sgd", loss=loss, **options)
    return made


CASES: list[tuple[str, Callable[[], Any], str, tuple[Any, ...], Problem]] = [
    # (loss of the fit, what is fitted, loss as recorded, shapes and labels, problem)
    (
        "class indices in a categorical loss",
        lambda: model(3, "softmax", "categorical_crossentropy").fit(X, Y, verbose=0),
        "categorical_crossentropy",
        ((32, 3), (32,), 0.0, 2.0),
        Problem.ENCODING,
    ),
    (
        "a column of class indices in a categorical loss",
        lambda: model(3, "softmax", keras.losses.CategoricalCrossentropy()).fit(
            X, Y[:, None], batch_size=8, verbose=0
        ),
        "categorical_crossentropy",
        ((8, 3), (8, 1), 0.0, 2.0),
        Problem.ENCODING,
    ),
    (
        "one-hot rows in a sparse loss",
        lambda: model(4, "softmax", "sparse_categorical_crossentropy").fit(X, ONE_HOT, verbose=0),
        "sparse_categorical_crossentropy",
        ((32, 4), (32, 4), 0.0, 1.0),
        Problem.ENCODING,
    ),
    (
        "one-hot rows with a column too many",
        lambda: model(3, "softmax", "categorical_crossentropy").fit(x=X, y=ONE_HOT, verbose=0),
        "categorical_crossentropy",
        ((32, 3), (32, 4), 0.0, 1.0),
        Problem.LABEL_RANGE,
    ),
    (
        "class indices in a binary loss over classes",
        lambda: model(3, "sigmoid", "binary_crossentropy").fit(X, Y, verbose=0),
        "binary_cross_entropy",
        ((32, 3), (32,), 0.0, 2.0),
        Problem.ENCODING,
    ),
    (
        "labels 1..K in a graph",
        lambda: model(3, "softmax", "sparse_categorical_crossentropy").fit(
            X, Y + 1, shuffle=False, verbose=0
        ),
        "sparse_categorical_crossentropy",
        ((32, 3), (32,), 1.0, 3.0),
        Problem.LABEL_RANGE,
    ),
    (
        "labels 1..K, eagerly",
        lambda: model(3, "softmax", "sparse_categorical_crossentropy", run_eagerly=True).fit(
            X, Y + 1, verbose=0
        ),
        "sparse_categorical_crossentropy",
        ((32, 3), (32,), 1.0, 3.0),
        Problem.LABEL_RANGE,
    ),
    (
        "labels 1..K in a data set",
        lambda: model(3, "softmax", "sparse_categorical_crossentropy").fit(
            tf.data.Dataset.from_tensor_slices((X, Y + 1)).batch(9), shuffle=False, verbose=0
        ),
        "sparse_categorical_crossentropy",
        ((9, 3), (9,), 1.0, 3.0),
        Problem.LABEL_RANGE,
    ),
    (
        "a loss object called by hand",
        lambda: keras.losses.CategoricalCrossentropy()(Y, model(3, "softmax")(X)),
        "categorical_crossentropy",
        ((70, 3), (70,), 0.0, 2.0),
        Problem.ENCODING,
    ),
    (
        "TensorFlow's op on logits, of other shapes",
        lambda: tf.nn.sigmoid_cross_entropy_with_logits(
            labels=Y.astype("float32"), logits=model(1, None)(X)
        ),
        "binary_cross_entropy_with_logits",
        ((70, 1), (70,), 0.0, 2.0),
        Problem.SHAPE,
    ),
    (
        "TensorFlow's op on logits, with whole numbers",
        lambda: tf.nn.sigmoid_cross_entropy_with_logits(
            labels=Y[:, None] % 2, logits=model(1, None)(X)
        ),
        "binary_cross_entropy_with_logits",
        ((70, 1), (70, 1), 0.0, 1.0),
        Problem.ENCODING,
    ),
    (
        "TensorFlow's sparse op, labels 1..K",
        lambda: tf.nn.sparse_softmax_cross_entropy_with_logits(
            labels=Y + 1, logits=model(3, None)(X)
        ),
        "sparse_softmax_cross_entropy_with_logits",
        ((70, 3), (70,), 1.0, 3.0),
        Problem.LABEL_RANGE,
    ),
    (
        "TensorFlow's sparse op, float labels",
        lambda: tf.nn.sparse_softmax_cross_entropy_with_logits(
            labels=Y.astype("float32"), logits=model(3, None)(X)
        ),
        "sparse_softmax_cross_entropy_with_logits",
        ((70, 3), (70,), 0.0, 2.0),
        Problem.ENCODING,
    ),
]


@pytest.mark.parametrize(
    ("call", "loss", "given", "problem"), [c[1:] for c in CASES], ids=[c[0] for c in CASES]
)
def test_what_the_loss_was_given(
    call: Callable[[], Any], loss: str, given: tuple[Any, ...], problem: Problem
) -> None:
    found = explained(call)
    assert found is not None
    assert found.loss == loss
    shapes = found.input_shape, found.target_shape
    assert (*shapes, found.target_min, found.target_max) == given
    assert problem_of(found) is problem
    assert found.step == 5 and found.cell == 7 and found.message
    History().append(found)


def test_the_line_is_the_users_own() -> None:
    net = model(3, "softmax", "sparse_categorical_crossentropy")

    def train() -> object:
        return net.fit(X, Y + 1, verbose=0)

    found = explained(train)
    assert found is not None
    assert (found.cell, found.line) == (7, train.__code__.co_firstlineno + 1)
    assert "outside the valid range of [0, 3)" in found.message


def test_a_step_in_a_graph_is_placed_at_its_call() -> None:
    net = model(3, "softmax")

    @tf.function
    def step(x: Any, y: Any) -> Any:
        return keras.losses.CategoricalCrossentropy()(y, net(x))

    def train() -> object:
        return step(X, Y)

    found = explained(train)
    assert found is not None and found.loss == "categorical_crossentropy"
    assert (found.cell, found.line) == (7, train.__code__.co_firstlineno + 1)
    assert problem_of(found) is Problem.ENCODING


def test_a_data_set_of_unknown_batches_has_open_sizes() -> None:
    data = tf.data.Dataset.from_tensor_slices((X, Y)).batch(9)
    found = explained(
        lambda: model(3, "softmax", "categorical_crossentropy").fit(data, shuffle=False, verbose=0)
    )
    assert found is not None
    assert (found.input_shape, found.target_shape) == ((-1, 3), (-1,))
    assert problem_of(found) is Problem.ENCODING


def test_other_errors_are_not_ours_to_explain() -> None:
    assert explained(lambda: model(3, "softmax")(np.zeros((2, 5), "float32"))) is None
    assert explained(lambda: model(1, None).fit(X, Y[:9], verbose=0)) is None
    assert explained(lambda: [].pop()) is None


@pytest.mark.parametrize(
    ("call", "loss", "given", "problem"), [c[1:] for c in CASES], ids=[c[0] for c in CASES]
)
def test_it_is_the_same_while_the_probe_watches(
    call: Callable[[], Any], loss: str, given: tuple[Any, ...], problem: Problem
) -> None:
    """Keras cuts its own frames out of the traceback, and leaves those of the probe."""
    probe = KerasProbe(FakeContext(user_file="test_raised.py"))
    probe.attach()
    try:
        with pytest.raises(Exception) as caught:
            call()
        found = probe.explain(caught.value)
    finally:
        probe.detach()
    assert found is not None
    assert found.loss == loss
    shapes = found.input_shape, found.target_shape
    assert (*shapes, found.target_min, found.target_max) == given
    assert problem_of(found) is problem
