"""Situations that people ask about, really trained under the whole session: the verdict, the place,
and the cure run as printed; and their healthy counterparts, of which nothing is said."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest

from .notebook import Run, run

IMPORTS = """
import numpy as np
import tensorflow as tf
from tensorflow import keras
from tensorflow.keras import layers
"""
RARE = """
rng = np.random.default_rng(7)
events = rng.normal(1.2, 1.0, (150, 6))
calls = rng.normal(0.0, 1.0, (1350, 6))
X = np.vstack([events, calls]).astype("float32")
y = np.r_[np.ones(150), np.zeros(1350)]
"""
GROUPS = """
rng = np.random.default_rng(3)
group = np.repeat(np.arange({classes}), 400)
corners = 4.0 * np.array([[0, 0], [1, 0], [0, 1], [1, 1]])
X = (corners[group] + rng.normal(size=(len(group), 2))).astype("float32")
"""
RINGS = """
rng = np.random.default_rng(5)
y = np.arange(1200) % 2
angle, radius = rng.uniform(0, 2 * np.pi, 1200), 1.0 + y + rng.normal(0, 0.1, 1200)
X = np.c_[radius * np.cos(angle), radius * np.sin(angle)].astype("float32")
"""


def groups(classes: int, labels: str = "") -> str:
    return IMPORTS + GROUPS.format(classes=classes) + labels


def probabilities(done: Run) -> Any:
    return done.variables["model"].predict(done.variables["X"], verbose=0)


def accuracy(done: Run, labels: str = "group") -> float:
    found = probabilities(done).argmax(axis=1)
    return float((found == done.variables[labels]).mean())


def silent(*cells: str) -> Run:
    """A healthy training: nothing is said, and it has learned."""
    done = run(*cells)
    assert done.error is None
    assert done.report.findings == (), [f.message for f in done.report.findings]
    assert done.report.steps > 0
    return done


# -- a rare class ------------------------------------------------------------------------------

FRAUD = """
model = keras.Sequential([
    layers.Input((6,)),
    layers.Dense(1, activation="sigmoid"),
])
model.compile(optimizer=keras.optimizers.SGD(0.02), loss="binary_crossentropy")
"""


def recall(done: Run) -> float:
    found = probabilities(done).ravel() > 0.5
    return float(found[done.variables["y"] == 1].mean())


def test_a_rare_class_is_weighed_by_the_measured_ratio() -> None:
    fit = "history = model.fit(X, y, epochs=12, batch_size=15, verbose=0)"
    before = run(IMPORTS + RARE, FRAUD, fit)
    assert before.first.rule == "class-imbalance"
    assert before.first.location is not None and before.first.location.cell == 2
    after = before.cured()
    written = re.search(r"class_weight=\{0: ([\d.]+), 1: ([\d.]+)\}", after.cells[3])
    assert written is not None  # of the batches that were counted
    assert float(written[2]) / float(written[1]) == pytest.approx(9.0, rel=0.15)
    assert recall(after) > recall(before) + 0.1
    assert after.alarms == ()


def test_weights_computed_by_scikit_learn_are_seen_and_nothing_is_said() -> None:
    fit = """
    from sklearn.utils.class_weight import compute_class_weight
    share = compute_class_weight("balanced", classes=np.unique(y), y=y)
    model.fit(X, y, epochs=12, batch_size=15, verbose=0, class_weight=dict(enumerate(share)))
    """
    assert recall(silent(IMPORTS + RARE, FRAUD, fit)) > 0.8


# -- the depth and the width -------------------------------------------------------------------

DEEP = """
model = keras.Sequential([layers.Input((2,))])
for _ in range({depth}):
    model.add(layers.Dense(16, activation="{kind}"))
model.add(layers.Dense(1, activation="sigmoid"))
model.compile(optimizer=keras.optimizers.SGD(0.1, momentum=0.9), loss="binary_crossentropy")
"""
FIT = "model.fit(X, y, epochs={epochs}, batch_size=30, verbose=0)"


def test_nine_layers_of_sigmoids_get_no_gradient_and_relu_learns() -> None:
    model = DEEP.format(depth=9, kind="sigmoid")
    before = run(IMPORTS + RINGS, model, FIT.format(epochs=12))
    assert before.first.rule == "vanishing-gradients"
    after = before.cured()
    relu = 'layers.Dense(16, activation="relu", kernel_initializer="he_normal")'
    assert relu in after.cells[2]
    assert 'layers.Dense(1, activation="sigmoid")' in after.cells[2]
    assert "vanishing-gradients" not in {found.rule for found in after.report.findings}


@pytest.mark.parametrize("kind", ["sigmoid", "relu"])
def test_two_hidden_layers_of_either_kind_are_no_matter(kind: str) -> None:
    model = DEEP.format(depth=2, kind=kind).replace("SGD(0.1, momentum=0.9)", "Adam(0.01)")
    silent(IMPORTS + RINGS, model, FIT.format(epochs=25))


@pytest.mark.parametrize("units", [8, 64])
def test_a_narrow_and_a_wide_network_both_learn(units: int) -> None:
    model = f"""
    model = keras.Sequential([
        layers.Input((2,)),
        layers.Dense({units}, activation="relu"),
        layers.Dense({units}, activation="relu"),
        layers.Dense(1, activation="sigmoid"),
    ])
    model.compile(optimizer=keras.optimizers.Adam(0.01), loss="binary_crossentropy")
    """
    silent(IMPORTS + RINGS, model, FIT.format(epochs=20))


def test_a_wider_network_with_sparse_labels_and_two_softmax_units() -> None:
    model = """
    model = keras.models.Sequential([
        layers.Dense(48, activation="relu"), layers.Dense(24, activation="relu"),
        layers.Dense(2, activation="softmax"),
    ])
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    """
    done = silent(IMPORTS + RINGS, model, FIT.format(epochs=20))
    assert accuracy(done, "y") > 0.9


def test_early_stopping_ends_a_sound_training() -> None:
    model = """
    model = keras.Sequential([layers.Dense(32, activation="relu"),
                              layers.Dense(1, activation="sigmoid")])
    model.compile(optimizer=keras.optimizers.Adam(0.02), loss="binary_crossentropy")
    """
    fit = """
    stop = keras.callbacks.EarlyStopping("val_loss", patience=2, restore_best_weights=True)
    order = rng.permutation(len(X))
    X += rng.normal(0, 0.4, X.shape)  # overlapping rings: there is an end to what can be learned
    history = model.fit(X[order], y[order], epochs=60, batch_size=30, validation_split=0.2,
                        callbacks=[stop], verbose=0)
    """
    done = silent(IMPORTS + RINGS, model, fit)
    assert done.report.epochs == len(done.variables["history"].epoch) < 60


# -- labels ------------------------------------------------------------------------------------

TAPE = """
%%watch_training
data = tf.data.Dataset.from_tensor_slices((X, {labels})).shuffle(2000, seed=1).batch(50)
for epoch in range({epochs}):
    for batch, wanted in data:
        with tf.GradientTape() as tape:
            out = model(batch, training=True)
            loss = {call}
        gradients = tape.gradient(loss, model.trainable_variables)
        optimizer.apply_gradients(zip(gradients, model.trainable_variables))
"""
STEPPED = """
model = keras.Sequential([layers.Dense(16, activation="relu"), {last}])
loss_fn = {loss}
optimizer = keras.optimizers.Adam(0.03)
"""


def test_four_groups_into_one_sigmoid_in_a_tape() -> None:
    cells = (
        groups(4),
        STEPPED.format(
            last='layers.Dense(1, activation="sigmoid")', loss="keras.losses.BinaryCrossentropy()"
        ),
        TAPE.format(labels="group", epochs=4, call="loss_fn(wanted, out)"),
    )
    before = run(*cells)
    assert before.first.rule == "labels-out-of-range"
    assert before.first.message == "targets 0 to 3; the loss takes 0 to 1"
    after = before.cured()
    assert after.alarms == ()
    assert accuracy(after) > 0.9


def test_one_sigmoid_with_float_labels_in_a_tape_is_well() -> None:
    cells = (
        groups(2),
        STEPPED.format(
            last='layers.Dense(1, activation="sigmoid")', loss="keras.losses.BinaryCrossentropy()"
        ),
        TAPE.format(labels='group.astype("float32")', epochs=4, call="loss_fn(wanted, out)"),
    )
    done = silent(*cells)
    found = probabilities(done).ravel() > 0.5
    assert (found == done.variables["group"]).mean() > 0.9


def test_a_one_hot_encoding_that_is_a_column_short() -> None:
    cells = (
        groups(3),
        STEPPED.format(
            last='layers.Dense(2, activation="softmax")',
            loss="keras.losses.CategoricalCrossentropy()",
        ),
        TAPE.format(labels="group", epochs=4, call="loss_fn(tf.one_hot(wanted, depth=2), out)"),
    )
    before = run(*cells)
    assert before.first.rule == "labels-out-of-range"
    assert "one-hot labels are all zeros" in before.first.message
    after = before.cured()
    assert "depth=3" in after.cells[3] and "Dense(3" in after.cells[2]
    assert after.alarms == ()
    assert accuracy(after) > 0.9


def test_class_indices_in_a_categorical_loss_raise_and_are_explained() -> None:
    model = """
    model = keras.Sequential([layers.Dense(16, activation="relu"),
                              layers.Dense(3, activation="softmax")])
    model.compile("adam", loss="categorical_crossentropy", metrics=["accuracy"])
    """
    before = run(groups(3), model, "model.fit(X, group, epochs=10, verbose=0)", raises=True)
    assert isinstance(before.error, ValueError)
    assert before.first.rule == "label-encoding"
    after = before.cured()
    assert 'loss="sparse_categorical_crossentropy"' in after.cells[2]
    assert after.error is None and after.alarms == ()
    assert accuracy(after) > 0.9


def test_labels_from_one_raise_and_are_shifted() -> None:
    model = """
    model = keras.Sequential([layers.Dense(16, activation="relu"),
                              layers.Dense(3, activation="softmax")])
    model.compile(optimizer="adam", loss="sparse_categorical_crossentropy")
    """
    fit = "model.fit(X, label, epochs=10, verbose=0)"
    before = run(groups(3, "label = group + 1"), model, fit, raises=True)
    assert before.error is not None
    assert before.first.rule == "labels-out-of-range"
    assert before.first.message == "labels 1 to 3 for 3 outputs"
    after = before.cured()
    assert after.cells[3] == "model.fit(X, label - 1, epochs=10, verbose=0)"
    assert after.error is None and after.alarms == ()


# -- activations and losses --------------------------------------------------------------------


@pytest.mark.filterwarnings("ignore:You are using a softmax over axis")
def test_a_softmax_over_one_unit_says_one_to_everything() -> None:
    model = """
    model = keras.Sequential([layers.Dense(16, activation="relu"),
                              layers.Dense(1, activation="softmax")])
    model.compile(optimizer=keras.optimizers.Adam(0.01), loss="binary_crossentropy")
    """
    before = run(IMPORTS + RINGS, model, FIT.format(epochs=20))
    assert before.first.rule == "single-unit-softmax"
    assert np.all(probabilities(before) == 1)
    assert before.first.location is not None
    assert 'activation="softmax"' in before.first.location.code
    after = before.cured()
    assert after.alarms == ()
    found = probabilities(after).ravel() > 0.5
    assert (found == after.variables["y"]).mean() > 0.9


def test_raw_outputs_in_a_loss_on_probabilities() -> None:
    model = """
    model = keras.Sequential([layers.Dense(16, activation="relu"), layers.Dense(3)])
    model.compile(optimizer="adam", loss="sparse_categorical_crossentropy")
    """
    before = run(groups(3), model, "model.fit(X, group, epochs=15, verbose=0)")
    assert before.first.rule == "missing-activation"
    after = before.cured()
    assert "SparseCategoricalCrossentropy(from_logits=True)" in after.cells[2]
    assert after.alarms == ()
    assert accuracy(after) > 0.9


def test_one_raw_output_in_a_loss_on_probabilities() -> None:
    model = """
    inputs = keras.Input((2,))
    outputs = layers.Dense(1)(layers.Dense(16, activation="relu")(inputs))
    model = keras.Model(inputs, outputs)
    model.compile(optimizer=keras.optimizers.Adam(0.01), loss=keras.losses.BinaryCrossentropy())
    """
    before = run(IMPORTS + RINGS, model, FIT.format(epochs=20))
    assert before.first.rule == "missing-activation"
    after = before.cured()
    assert 'layers.Dense(1, activation="sigmoid")' in after.cells[2]
    assert after.alarms == ()


@pytest.mark.filterwarnings("ignore:.*does not represent logits")
def test_a_softmax_that_keras_itself_takes_away_is_no_alarm() -> None:
    model = """
    model = keras.Sequential([layers.Dense(16, activation="relu"),
                              layers.Dense(3, activation="softmax")])
    model.compile(keras.optimizers.Adam(0.01),
                  keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    """
    done = run(groups(3), model, "model.fit(X, group, epochs=10, verbose=0)")
    assert done.alarms == ()
    assert accuracy(done) > 0.9


def test_sigmoids_over_two_one_hot_classes_train_as_a_softmax_would() -> None:
    model = """
    model = keras.Sequential([layers.Dense(16, activation="relu"),
                              layers.Dense(2, activation="sigmoid")])
    model.compile(keras.optimizers.Adam(0.01), "categorical_crossentropy")
    """
    fit = "model.fit(X, keras.utils.to_categorical(group, 2), epochs=10, verbose=0)"
    assert accuracy(silent(groups(2), model, fit)) > 0.9


def test_tensorflows_loss_on_logits_after_a_softmax_in_a_compiled_step() -> None:
    step = """
    @tf.function
    def step(batch, wanted):
        with tf.GradientTape() as tape:
            out = model(batch, training=True)
            loss = tf.reduce_mean(
                tf.nn.sparse_softmax_cross_entropy_with_logits(labels=wanted, logits=out))
        gradients = tape.gradient(loss, model.trainable_variables)
        optimizer.apply_gradients(zip(gradients, model.trainable_variables))
        return loss
    """
    loop = """
    data = tf.data.Dataset.from_tensor_slices((X, group)).shuffle(2000, seed=1).batch(50)
    for epoch in range(6):
        for batch, wanted in data:
            step(batch, wanted)
    """
    model = STEPPED.format(last='layers.Dense(3, activation="softmax")', loss="None")
    before = run(groups(3), model, step, loop)
    assert before.first.rule == "double-activation"
    after = before.cured()
    assert "layers.Dense(3)" in after.cells[2]
    assert after.alarms == ()
    assert accuracy(after) > 0.9


# -- steps -------------------------------------------------------------------------------------


def test_steps_far_too_large() -> None:
    model = """
    model = keras.Sequential([layers.Dense(16, activation="relu"),
                              layers.Dense(16, activation="relu"),
                              layers.Dense(3, activation="softmax")])
    model.compile(optimizer=keras.optimizers.SGD(learning_rate=60.0),
                  loss="sparse_categorical_crossentropy")
    """
    before = run(groups(3), model, "model.fit(X, group, epochs=10, batch_size=20, verbose=0)")
    assert before.first.rule in ("learning-rate-too-high", "non-finite")
    assert before.first.fix is not None
    added = before.first.fix.diff.partition("\n+model.compile(")[2].splitlines()[0]
    assert float(added.partition("learning_rate=")[2].rstrip("),")) in (6.0, 0.6, 0.06)


# -- units that never fire ---------------------------------------------------------------------

NEVER_FIRING = """
model = keras.Sequential([
    layers.Input((2,)),
    layers.Dense(16, activation="relu", bias_initializer=keras.initializers.Constant(-50.0)),
    layers.Dense(3, activation="softmax"),
])
model.compile(optimizer=keras.optimizers.SGD(0.05), loss="sparse_categorical_crossentropy")
model.fit(X, group, epochs=10, verbose=0)
"""


def test_units_that_never_fire_are_named() -> None:
    done = run(groups(3), NEVER_FIRING)
    (found,) = [f for f in done.report.findings if f.rule == "dead-relu"]
    assert "100% of the units" in found.message
    assert done.report.findings[0].rule in ("dead-relu", found.explained_by)
