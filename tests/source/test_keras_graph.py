"""join-graph, where Keras trains: what lies between the model and the loss of a tape."""

from __future__ import annotations

import pytest

from .notebooks import ask, cells, changed

HEAD = "import tensorflow as tf\nfrom tensorflow import keras\n"
AT = ".gradient("
STEP = """
%%watch_training
for x, y in data:
    with tf.GradientTape() as tape:
        loss = loss_fn(y, OUT)
    grads = tape.gradient(loss, model.trainable_variables)
    optimizer.apply_gradients(zip(grads, model.trainable_variables))
    print(tf.round(model(x)).numpy())
"""
MODEL = (
    "model = keras.Sequential([keras.layers.Dense(1, activation='sigmoid')])\n"
    "loss_fn, optimizer = keras.losses.BinaryCrossentropy(), keras.optimizers.SGD(0.1)"
)


@pytest.mark.parametrize(
    ("out", "row"),
    [
        ("tf.round(model(x, training=True))", "model(x, training=True)"),
        ("tf.stop_gradient(model(x))", "model(x)"),
        ("tf.cast(model(x) > 0.5, tf.float32)", "model(x)"),
        ("tf.constant(model(x).numpy())", "model(x)"),
        ("tf.convert_to_tensor(model.predict(x, verbose=0))", "tf.convert_to_tensor(model(x))"),
    ],
)
def test_the_outputs_stay_on_the_tape(out: str, row: str) -> None:
    fix = ask(cells(HEAD, MODEL, STEP.replace("OUT", out)), "join-graph", at=AT)
    assert changed(fix)[1] == [f"loss = loss_fn(y, {row})"]


def test_a_model_that_is_called_before_the_tape_runs_is_called_inside() -> None:
    step = STEP.replace("    with", "    p = model(x)\n    with", 1).replace("OUT", "p")
    fix = ask(cells(HEAD, MODEL, step), "join-graph", at=AT)
    assert fix is not None
    assert fix.cells[3].split("\n")[2:5] == [
        "    with tf.GradientTape() as tape:",
        "        p = model(x)",
        "        loss = loss_fn(y, p)",
    ]


def test_a_cut_inside_of_a_layer_of_the_users() -> None:
    model = """
    class Net(keras.Model):
        def __init__(self):
            super().__init__()
            self.body, self.head = keras.layers.Dense(4), keras.layers.Dense(1)
        def call(self, x):
            h = self.body(x)
            h = tf.stop_gradient(h)
            return self.head(h)
    model = Net()
    """
    made = f"{MODEL.splitlines()[1]}\ntarget = tf.stop_gradient(known)"
    fix = ask(cells(HEAD, model, made, STEP.replace("OUT", "model(x)")), "join-graph", at=AT)
    assert changed(fix) == (["h = tf.stop_gradient(h)"], [])


def test_what_is_cut_off_on_the_side_of_the_labels_stays() -> None:
    step = STEP.replace("loss_fn(y, OUT)", "loss_fn(tf.stop_gradient(y), tf.argmax(model(x), 1))")
    fix = ask(cells(HEAD, MODEL, step), "join-graph", at=AT)
    assert fix is not None and fix.safety == "example"  # nothing can stand for an argmax
    assert "stop_gradient(y)" in fix.diff
