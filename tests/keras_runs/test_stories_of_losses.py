"""What people ask about losses, labels, outputs, trained under the whole session.

The verdict, the place, and the cure run as printed; healthy ones, of which nothing is said.
"""

from __future__ import annotations

import numpy as np
import pytest

from .notebook import run
from .stories import FIT, IMPORTS, RINGS, accuracy, groups, probabilities, silent

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
