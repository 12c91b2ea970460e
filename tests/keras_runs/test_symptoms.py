"""Collapse that nothing in the code explains: named with its numbers, and what to try is shown."""

from __future__ import annotations

import re
from textwrap import dedent
from typing import Any

import numpy as np
import pytest

from .notebook import Run, run

HEAD = """
import numpy as np
import keras
from keras import layers
rng = np.random.default_rng(0)
"""
FIT = "history = model.fit(X, y, epochs={epochs}, batch_size=32, verbose=0)"
NETWORK = """
model = keras.Sequential([keras.Input((8,)), {first}layers.Dense(16, activation="relu"),
                          layers.Dense({classes}, activation="softmax")])
model.compile(keras.optimizers.Adam({rate}), "sparse_categorical_crossentropy")
"""


def network(classes: int = 2, first: str = "", rate: float = 0.001) -> str:
    return NETWORK.format(classes=classes, first=first, rate=rate)


def shown_cross_entropy(done: Run) -> float:
    """The number in the code that is shown."""
    fix = done.first.fix
    assert fix is not None and fix.safety == "example"
    assert "+model.fit(X[:32], y[:32], epochs=200)" in fix.diff
    (number,) = re.findall(r"cross entropy ([\d.]+)", fix.diff)
    return float(number)


def cross_entropy(done: Run) -> float:
    """Of the model as it is when the cell has ended, by NumPy."""
    model, x, y = (done.variables[name] for name in ("model", "X", "y"))
    p = model.predict(x, verbose=0)[np.arange(len(y)), y]
    return float(-np.log(p).mean())


def numbers(done: Run) -> dict[str, Any]:
    return {key: n for e in done.first.evidence for key, n in e.values.items()}


def test_one_class_for_all_where_a_layer_drops_the_inputs() -> None:
    data = """
    X = rng.normal(size=(1200, 8)).astype("float32")
    y = (rng.random(1200) < 0.35).astype("int32")
    X[y == 1] += 1.0
    """
    done = run(
        HEAD + dedent(data),
        network(first="layers.Lambda(lambda x: x * 0.0), "),
        FIT.format(epochs=12),
    )
    assert (done.first.rule, done.first.severity) == ("single-class-predictions", "error")
    labels = np.bincount(done.variables["y"]) / 1200
    found = numbers(done)
    assert found["predicted_share"] == 1.0
    assert found["label_share"] == pytest.approx(labels[0], abs=0.03)
    assert shown_cross_entropy(done) == pytest.approx(cross_entropy(done), rel=0.05)
    assert {f.explained_by for f in done.report.findings[1:]} <= {"single-class-predictions"}


def test_labels_that_have_nothing_to_do_with_the_inputs() -> None:
    data = """
    X = rng.normal(size=(3200, 8)).astype("float32")
    y = rng.integers(0, 3, 3200)
    """
    done = run(HEAD + dedent(data), network(classes=3), FIT.format(epochs=4))
    assert (done.first.rule, done.first.severity) == ("not-learning", "warning")
    assert numbers(done)["rank"] == pytest.approx(0.5, abs=0.1)
    assert shown_cross_entropy(done) == pytest.approx(np.log(3), rel=0.05)


def test_outputs_that_are_the_mean_over_a_batch() -> None:
    data = """
    X = rng.normal(size=(1200, 8)).astype("float32")
    y = (X[:, 0] > 0).astype("int32")
    """
    mean = "layers.Lambda(lambda t: keras.ops.mean(t, axis=0, keepdims=True) + 0.0 * t), "
    done = run(HEAD + dedent(data), network(first=mean), FIT.format(epochs=12))
    assert (done.first.rule, done.first.severity) == ("constant-output", "error")
    assert numbers(done)["spread_in_batch"] == 0
    assert shown_cross_entropy(done) == pytest.approx(np.log(2), rel=0.05)


def test_a_class_that_looks_like_a_more_frequent_one_is_never_predicted() -> None:
    data = """
    y = np.repeat([0, 1, 2], [600, 600, 260])
    X = rng.normal(size=(1460, 8)).astype("float32")
    X[y == 0] += 2
    order = rng.permutation(1460)
    X, y = X[order], y[order]
    """
    done = run(HEAD + dedent(data), network(classes=3, rate=0.003), FIT.format(epochs=36))
    assert done.first.rule == "missing-class"
    assert done.first.message.startswith("class 2 is (nearly) never predicted")
    found = numbers(done)
    assert found["label_share"] == pytest.approx(260 / 1460, abs=0.02)
    assert found["predicted_share"] < 0.02 and found["recall"] < 0.05
    assert shown_cross_entropy(done) == pytest.approx(cross_entropy(done), rel=0.1)
