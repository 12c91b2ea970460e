"""What keeps weights from following the labels, really trained with Keras.

Rules: frozen-parameters, broken-graph, no-optimizer-step, output-activation and one-class-labels.
"""

from __future__ import annotations

import pytest

from .notebook import run

DATA = """
import numpy as np
import tensorflow as tf
import keras
from keras import layers
keras.utils.set_random_seed(3)
rng = np.random.default_rng(3)
X = rng.normal(size=(600, 8)).astype("float32")
y = (X[:, 0] > 0).astype("int32") + (X[:, 1] > 0)
LOSS = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
"""
MODEL = """
model = keras.Sequential([keras.Input((8,)), layers.Dense(16, activation="relu"), layers.Dense(3)])
"""
FIT = """
model.fit(X, y, epochs=4, batch_size=20, verbose=0)
"""
LOOP = """
optimizer = keras.optimizers.Adam(0.01)
for epoch in range(12):
    for i in range(0, 600, 20):
        with tf.GradientTape() as tape:
            out = model(X[i:i + 20], training=True){after}
            loss = LOSS(y[i:i + 20], out)
        grads = tape.gradient(loss, model.trainable_variables)
        {update}
"""
APPLY = "optimizer.apply_gradients(zip(grads, model.trainable_variables))"


@pytest.mark.filterwarnings("ignore:The model does not have any trainable weights")
def test_everything_is_frozen() -> None:
    freeze = "for layer in model.layers:\n    layer.trainable = False\nmodel.compile('adam', LOSS)"
    done = run(DATA, MODEL, freeze, FIT)
    assert (done.first.rule, done.first.message) == ("frozen-parameters", "all layers are frozen")
    assert done.first.severity == "error"
    assert done.first.fix is not None
    assert "+for layer in model.layers[:-1]:" in done.first.fix.diff


def test_the_last_layer_is_frozen() -> None:
    freeze = "model.layers[-1].trainable = False\nmodel.compile(keras.optimizers.Adam(1e-6), LOSS)"
    done = run(DATA, MODEL, freeze, FIT)
    assert (done.first.rule, done.first.message) == (
        "frozen-parameters",
        "the last layer is frozen",
    )


def test_a_frozen_body_is_silent() -> None:
    freeze = """
    model.layers[0].trainable = False
    model.compile(keras.optimizers.Adam(0.01), LOSS)
    """
    assert run(DATA, MODEL, freeze, FIT).alarms == ()


@pytest.mark.parametrize(
    "after", ["\n            out = tf.stop_gradient(out)", "\n            out = out.numpy()"]
)
def test_a_loss_without_any_weight_behind_it_is_explained(after: str) -> None:
    done = run(DATA, MODEL, LOOP.format(after=after, update=APPLY), raises=True)
    assert isinstance(done.error, ValueError)
    assert (done.first.rule, done.first.confidence) == ("broken-graph", "certain")
    assert done.first.evidence[1].values == {"trainable": 4.0, "reached": 0.0}


def test_gradients_that_are_never_applied() -> None:
    done = run(DATA, MODEL, LOOP.format(after="", update="print(end='')"))
    assert (done.first.rule, done.first.severity) == ("no-optimizer-step", "error")
    assert done.first.fix is not None
    assert "optimizer.apply_gradients(" in done.first.fix.diff


def test_weights_that_are_updated_by_hand_are_silent() -> None:
    update = "[v.assign_sub(0.1 * g) for v, g in zip(model.trainable_variables, grads)]"
    assert run(DATA, MODEL, LOOP.format(after="", update=update)).alarms == ()


def test_a_relu_on_the_output_layer() -> None:
    model = """
    model = keras.Sequential([layers.Dense(16, activation="relu"),
                              layers.Dense(3, activation="relu")])
    model.compile(keras.optimizers.Adam(0.01), LOSS)
    """
    before = run(DATA, model, FIT)
    assert before.first.rule == "output-activation"
    after = before.cured()
    assert "layers.Dense(3)" in after.cells[2]
    assert after.alarms == ()


def test_a_relu_in_front_of_a_loss_on_probabilities() -> None:
    model = """
    model = keras.Sequential([layers.Dense(16, activation="relu"),
                              layers.Dense(3, activation="relu")])
    model.compile(keras.optimizers.Adam(0.01), "sparse_categorical_crossentropy")
    """
    before = run(DATA, model, FIT)
    assert before.first.rule == "output-activation"
    after = before.cured()
    assert 'layers.Dense(3, activation="softmax")' in after.cells[2]
    assert after.alarms == ()


def test_labels_of_one_class() -> None:
    compiled = "model.compile('adam', LOSS)\ny = np.zeros_like(y)"
    done = run(DATA, MODEL, compiled, FIT)
    assert (done.first.rule, done.first.message) == ("one-class-labels", "all labels are class 0")
    assert done.first.fix is not None
    assert done.first.fix.diff == "+print(np.unique(y, return_counts=True))"


def test_a_gan_is_silent() -> None:
    models = """
    judge = keras.Sequential([keras.Input((2,)), layers.Dense(16, activation="relu"),
                              layers.Dense(1, activation="sigmoid")])
    maker = keras.Sequential([keras.Input((4,)), layers.Dense(16, activation="relu"),
                              layers.Dense(2)])
    judge.compile(keras.optimizers.Adam(1e-3), "binary_crossentropy")
    judge.trainable = False
    gan = keras.Sequential([keras.Input((4,)), maker, judge])
    gan.compile(keras.optimizers.Adam(1e-3), "binary_crossentropy")
    """
    loop = """
    for step in range(60):
        noise = rng.normal(size=(32, 4))
        judge.trainable = True
        judge.train_on_batch(X[step:step + 32, :2] + 1, np.ones((32, 1)))
        judge.train_on_batch(maker.predict(noise, verbose=0), np.zeros((32, 1)))
        judge.trainable = False
        gan.train_on_batch(noise, np.ones((32, 1)))
    """
    assert run(DATA, models, loop).alarms == ()
