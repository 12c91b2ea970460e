"""Missing values that make NaN of weights, whether the loss shows it or a graph hides it."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

from collapse_magic.probes.keras.nonfinite import Holes, holes_in
from collapse_magic.records import NonFinite

from .notebook import Run, run
from .tape import tape_step
from .watched import watched

DATA = """
import numpy as np
import keras
from keras import layers
rng = np.random.default_rng(0)
X = rng.normal(size=(640, 6)).astype("float32")
y = (X[:, 0] + X[:, 1] > 0).astype("int32")
"""
MISSING = "X[rng.random(640) < 0.02, 3] = np.nan\n"
MODEL = """
model = keras.Sequential([keras.Input((6,)), layers.Dense(16, activation="relu"),
                          layers.Dense(2, activation="softmax")])
model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"], {how})
"""
FIT = "history = model.fit(X, y, epochs=3, batch_size=16, verbose=0)"
HOW = {"by xla": "jit_compile=True", "in a graph": "jit_compile=False", "eager": "run_eagerly=True"}


KERNEL, BIAS = tf.ones((2, 3)), tf.zeros(3)


@tf.function
def _fused(x: Any) -> Any:
    return tf.nn.relu(tf.nn.bias_add(tf.matmul(x, KERNEL), BIAS))


# On processors for which TensorFlow has no such operation a graph keeps NaN.
HIDES = bool(np.isfinite(_fused(tf.constant([[np.nan, 1.0]])).numpy()).all())
hidden = pytest.mark.skipif(not HIDES, reason="here a relu of NaN is NaN")


def losses_are_finite(done: Run) -> bool:
    return bool(np.isfinite(done.variables["history"].history["loss"]).all())


@pytest.mark.parametrize("how", HOW)
def test_a_column_with_missing_values_is_named_first_with_their_number_and_a_cure(how: str) -> None:
    # GIVEN a table in which 2 % of one column are missing
    done = run(DATA + MISSING, MODEL.format(how=HOW[how]), FIT)

    # THEN that is what is said, though a graph hides it from the loss
    missing = int(np.isnan(done.variables["X"]).sum())
    weights = done.variables["model"].get_weights()
    assert missing and np.isnan(weights[0]).any()
    hides = how == "in a graph" and HIDES
    assert losses_are_finite(done) == hides
    first = done.first
    assert (first.rule, first.severity, first.confidence) == ("non-finite", "error", "certain")
    assert first.message.startswith("nan in the input (x[:, 3]) at step ")
    said = [evidence.text for evidence in first.evidence]
    assert f"{missing} of 640 values of x[:, 3] are not finite" in said
    assert any("the loss hides it" in line for line in said) == hides
    others = {found.explained_by for found in done.report.findings[1:]}
    assert others <= {"non-finite", "single-class-predictions", "constant-output"}

    # AND the cure, run as it is printed, cures
    cured = done.cured()
    assert losses_are_finite(cured)
    assert "non-finite" in cured.report.clear and not cured.alarms


@pytest.mark.parametrize("how", HOW)
def test_of_a_stream_the_batches_themselves_are_looked_through(how: str) -> None:
    stream = """
    import tensorflow as tf
    ds = tf.data.Dataset.from_tensor_slices((X, y)).shuffle(640).batch(16)
    """
    fit = "history = model.fit(ds, epochs=3, verbose=0, shuffle=False)"
    done = run(DATA + MISSING, stream, MODEL.format(how=HOW[how]), fit)
    assert done.first.message.startswith("nan in the input (x[:, 3]) at step ")
    assert not done.cured().alarms


class Filled(layers.Layer):
    """Puts 0 for what is missing, as a user's own layer may."""

    def call(self, inputs: Any) -> Any:
        return keras.ops.where(keras.ops.isnan(inputs), 0.0, inputs)


def table(missing: float = 0.0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(1)
    x = rng.normal(size=(160, 6)).astype("float32")
    x[rng.random(160) < missing, 3] = np.nan
    return x, (x[:, 0] > 0).astype("int32")


def network(*first: Any, **settings: Any) -> Any:
    keras.utils.set_random_seed(4)
    head = [layers.Dense(8, activation="relu"), layers.Dense(2)]
    model = keras.Sequential([keras.Input((6,)), *first, *head])
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.SGD(0.1), loss, **{"jit_compile": False, **settings})
    return model


@pytest.mark.parametrize("missing", [0.0, 0.1])
@pytest.mark.parametrize("how", [{}, {"jit_compile": True}, {"run_eagerly": True}])
def test_what_a_layer_fills_in_is_nobodys_trouble(how: dict[str, Any], missing: float) -> None:
    x, y = table(missing)
    model = network(Filled(), **how)
    with watched(model=model) as context:
        model.fit(x, y, batch_size=16, epochs=2, verbose=0)
    assert np.isnan(x).any() == (missing > 0) and np.isfinite(model.get_weights()[0]).all()
    assert not context.of(NonFinite)


@hidden
def test_a_value_that_is_missing_at_the_very_end_is_found_when_the_fit_is_over() -> None:
    """No look at the layers comes after it."""
    x, y = table()
    x[-1, 2] = np.nan
    model = network()
    with watched(every=1000, model=model) as context:
        model.fit(x, y, batch_size=16, shuffle=False, verbose=0)
    assert np.isnan(model.get_weights()[0]).any()
    (found,) = context.of(NonFinite)
    first = model.layers[0].name
    assert found == NonFinite("model", 10, "input", "x[:, 2]", "nan", 1, 160, first)


@hidden
def test_several_steps_of_one_execution_and_batches_by_hand_are_seen_as_well() -> None:
    x, y = table(0.1)
    model = network(steps_per_execution=4)
    with watched(model=model) as context:
        model.fit(x, y, batch_size=16, epochs=2, verbose=0)
    (found,) = context.of(NonFinite)
    assert (found.place, found.name, found.lost) == ("input", "x[:, 3]", model.layers[0].name)
    model = network()
    with watched(model=model) as context:
        for start in range(0, 160, 16):
            model.train_on_batch(x[start : start + 16], y[start : start + 16])
    (found,) = [record for record in context.of(NonFinite) if record.place == "input"]
    assert (found.name, found.values) == ("x[:, 3]", 16)


@hidden
def test_in_a_loop_that_is_compiled_the_weights_are_told_of() -> None:
    x, y = table(0.1)
    model = network()
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    step = tf.function(tape_step(model, keras.optimizers.SGD(0.1), loss))
    with watched(model=model) as context:
        values = [float(step(x[i : i + 16], y[i : i + 16])) for i in range(0, 160, 16)]
    assert np.isfinite(values).all() and np.isnan(model.get_weights()[0]).any()
    (found,) = context.of(NonFinite)
    assert (found.place, found.name, found.value) == ("weight", model.layers[0].name, "nan")


@pytest.mark.parametrize("settings", [{}, {"jit_compile": True}, {"steps_per_execution": 4}])
def test_lost_weights_are_lost_in_the_very_same_way_unwatched(settings: dict[str, Any]) -> None:
    x, y = table(0.1)
    plain, seen = network(**settings), network(**settings)
    plain_losses = plain.fit(x, y, batch_size=16, epochs=2, verbose=0).history["loss"]
    with watched(model=seen):
        seen_losses = seen.fit(x, y, batch_size=16, epochs=2, verbose=0).history["loss"]
    assert np.array(plain_losses).tobytes() == np.array(seen_losses).tobytes()
    for one, other in zip(plain.get_weights(), seen.get_weights(), strict=True):
        assert one.tobytes() == other.tobytes()


def test_where_values_are_missing_is_said_in_the_users_words() -> None:
    x = np.zeros((4, 3))
    assert holes_in(x) is None and holes_in(None) is None and holes_in(iter([x])) is None
    x[1, 2] = np.inf
    assert holes_in(x) == Holes("x[:, 2]", "inf", 1, 4)
    x[2, 0] = np.nan
    assert holes_in(x) == Holes("x", "nan", 2, 12)
    assert holes_in({"a": np.ones(3), "b": x}) == Holes("x['b']", "nan", 2, 12)
    assert holes_in([x, x[:, :1]]) == Holes("x", "nan", 3, 16)
    assert holes_in((np.arange(3), tf.constant(x[:, 0]))) == Holes("x[1]", "nan", 1, 4)


def test_of_a_table_the_column_is_named() -> None:
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame({"age": [30.0, np.nan, 50.0], "name": ["a", "b", None]})
    assert holes_in(frame) == Holes("x['age']", "nan", 1, 3)
