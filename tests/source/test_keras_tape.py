"""Rewritings of steps written by hand with TensorFlow's gradient tape."""

from __future__ import annotations

import pytest

from .notebooks import ask, cells, changed, show

HEAD = "import tensorflow as tf\nfrom tensorflow import keras\n"
RATE = {"factor": 0.1, "old": 1.0, "new": 0.1}
WEIGHTS = {"weights": [0.556, 5.0], "pos_weight": 9.0}
AT = ".gradient("


def loop(
    call: str,
    last: str = "keras.layers.Dense(1)",
    loss: str = "keras.losses.BinaryCrossentropy()",
    optimizer: str = "keras.optimizers.SGD(1.0)",
    after: str = "",
) -> dict[int, str]:
    return cells(
        HEAD,
        "model = keras.Sequential([keras.layers.Dense(4, activation='tanh'),\n"
        f"                          {last}])\n"
        f"loss_fn = {loss}\noptimizer = {optimizer}",
        "%%watch_training\n"
        "for x, y in data:\n"
        "    with tf.GradientTape() as tape:\n"
        "        out = model(x, training=True)\n"
        f"        loss = {call}  # here\n"
        "    grads = tape.gradient(loss, model.trainable_variables)\n"
        f"    optimizer.apply_gradients(zip(grads, model.trainable_variables))\n{after}",
    )


@pytest.mark.parametrize("at", [AT, "apply_gradients(", "# here"])
def test_the_loss_call_is_found_from_each_line_of_the_step(at: str) -> None:
    fix = ask(loop("loss_fn(y, out)"), "shift-labels", at=at, offset=1)
    assert changed(fix)[1] == ["loss = loss_fn(y - 1, out)  # here"]


@pytest.mark.parametrize(
    ("kind", "values", "before", "after"),
    [
        ("binarize-labels", {}, "y", "tf.cast(y > 0, tf.float32)"),
        ("binarize-labels", {}, "tf.cast(y, tf.float32)", "tf.cast(y > 0, tf.float32)"),
        ("cast-labels", {"dtype": "float"}, "y", "tf.cast(y, tf.float32)"),
        ("cast-labels", {"dtype": "long"}, "tf.cast(y, tf.float32)", "tf.cast(y, tf.int32)"),
        ("match-shapes", {"argument": "input", "operation": "squeeze", "dim": 1, "rank": 2},
         "y", "tf.reshape(y, (-1, 1))"),
        ("match-shapes", {"argument": "target", "operation": "squeeze", "dim": 1, "rank": 2},
         "y", "tf.squeeze(y, axis=1)"),
        ("match-shapes", {"argument": "input", "operation": "squeeze", "dim": 3, "rank": 4},
         "y", "tf.expand_dims(y, axis=3)"),
    ],
)  # fmt: skip
def test_labels_are_rewritten_in_the_loss_call(
    kind: str, values: dict[str, object], before: str, after: str
) -> None:
    notebook = loop(f"loss_fn({before}, out)")
    fix = ask(notebook, kind, at=AT, **values)
    assert changed(fix)[1] == [f"loss = loss_fn({after}, out)  # here"]


@pytest.mark.parametrize(
    ("call", "loss", "after"),
    [
        ("loss_fn(y, out)", "keras.losses.BinaryCrossentropy()",
         "loss_fn(y, out, sample_weight=tf.where(tf.equal(y, 1), 9.0, 1.0))"),
        ("loss_fn(y, out)", "keras.losses.SparseCategoricalCrossentropy(from_logits=True)",
         "loss_fn(y, out, sample_weight=tf.gather([0.556, 5.0], tf.cast(y, tf.int32)))"),
        ("loss_fn(tf.one_hot(y, 2), out)", "keras.losses.CategoricalCrossentropy()",
         "loss_fn(tf.one_hot(y, 2), out, sample_weight="
         "tf.gather([0.556, 5.0], tf.argmax(tf.one_hot(y, 2), axis=-1)))"),
        ("tf.reduce_mean(tf.nn.sigmoid_cross_entropy_with_logits(labels=y, logits=out))", "None",
         "tf.reduce_mean(tf.nn.weighted_cross_entropy_with_logits"
         "(labels=y, logits=out, pos_weight=9.0))"),
    ],
)  # fmt: skip
def test_classes_are_weighed_by_the_measured_numbers(call: str, loss: str, after: str) -> None:
    fix = ask(loop(call, loss=loss), "weigh-classes", at=AT, **WEIGHTS)
    assert changed(fix)[1] == [f"loss = {after}  # here"]


def test_a_loss_function_that_takes_no_weights_is_an_example() -> None:
    notebook = loop("keras.losses.binary_crossentropy(y, out)")
    fix = ask(notebook, "weigh-classes", at=AT, **WEIGHTS)
    assert fix is not None and fix.safety == "example"


def test_the_softmax_in_front_of_a_loss_on_logits_goes_wherever_it_is() -> None:
    op = "tf.nn.softmax_cross_entropy_with_logits(labels=y, logits={})"
    inside = loop(op.format("out"), 'keras.layers.Dense(3, activation="softmax")', "None")
    fix = ask(inside, "drop-activation", at=AT, activation="softmax")
    assert changed(fix)[1] == ["keras.layers.Dense(3)])"]
    outside = loop(op.format("tf.nn.softmax(out)"), "keras.layers.Dense(3)", "None")
    fix = ask(outside, "drop-activation", at=AT, activation="softmax")
    assert changed(fix)[1] == [f"loss = {op.format('out')}  # here"]
    assert show(outside, "output", at=AT) == (
        3,
        f"loss = {op.format('tf.nn.softmax(out)')}  # here",
    )


def test_who_read_probabilities_reads_logits_now() -> None:
    notebook = loop(
        "tf.nn.sigmoid_cross_entropy_with_logits(labels=y, logits=out)",
        "keras.layers.Dense(1, activation='sigmoid')",
        after="p = model.predict(x_test).flatten()\nhits = (p > 0.5) == y_test\nfew = x > 0.5",
    )
    fix = ask(notebook, "drop-activation", at=AT, activation="sigmoid")
    assert changed(fix)[1] == ["keras.layers.Dense(1)])", "hits = (p > 0) == y_test"]


def test_labels_of_several_classes_into_one_unit() -> None:
    notebook = loop("loss_fn(y, out)", "keras.layers.Dense(1, activation='sigmoid')")
    fix = ask(notebook, "widen-output", at=AT, classes=4)
    assert changed(fix)[1] == [
        "keras.layers.Dense(4, activation='softmax')])",
        "loss_fn = keras.losses.SparseCategoricalCrossentropy()",
    ]


def test_one_hot_depth_in_the_loss_call() -> None:
    notebook = loop(
        "loss_fn(tf.one_hot(y, depth=2), out)",
        "keras.layers.Dense(2, activation='softmax')",
        "keras.losses.CategoricalCrossentropy()",
    )
    fix = ask(notebook, "widen-output", at=AT, classes=3)
    assert changed(fix)[1] == [
        "keras.layers.Dense(3, activation='softmax')])",
        "loss = loss_fn(tf.one_hot(y, depth=3), out)  # here",
    ]


def test_raw_outputs() -> None:
    fix = ask(loop("loss_fn(y, out)"), "use-logits-loss", at=AT)
    assert changed(fix)[1] == ['keras.layers.Dense(1, activation="sigmoid")])']
    sparse = "keras.losses.sparse_categorical_crossentropy(y, out)"
    fix = ask(loop(sparse, "keras.layers.Dense(3)"), "use-logits-loss", at=AT)
    assert changed(fix)[1] == [f"loss = {sparse[:-1]}, from_logits=True)  # here"]


def test_the_optimizer_of_the_tape() -> None:
    notebook = loop("loss_fn(y, out)")
    fix = ask(notebook, "scale-learning-rate", at=AT, **RATE)
    assert changed(fix)[1] == ["optimizer = keras.optimizers.SGD(0.1)"]
    fix = ask(notebook, "clip-gradients", at=AT, max_norm=1.0)
    assert changed(fix)[1] == ["optimizer = keras.optimizers.SGD(1.0, clipnorm=1.0)"]
    assert show(notebook, "optimizer", at=AT) == (2, "optimizer = keras.optimizers.SGD(1.0)")


STEP = """
@tf.function
def step(images, digits):
    with tf.GradientTape() as tape:
        out = model(images, training=True)
        loss = loss_fn(digits, out)
    grads = tape.gradient(loss, model.trainable_variables)
    optimizer.apply_gradients(zip(grads, model.trainable_variables))
    return loss
"""


@pytest.mark.parametrize("at", ["step(x, y)", AT, "loss_fn(digits"])
def test_a_step_in_a_function_is_found_from_its_call_and_from_inside(at: str) -> None:
    notebook = loop("loss_fn(y, out)")
    body = "for x, y in data:\n    loss = step(x, y)"
    notebook = {1: notebook[1], 2: notebook[2], 3: STEP.strip("\n"), 4: body}
    fix = ask(notebook, "shift-labels", at=at, offset=1)
    assert changed(fix)[1] == ["loss = loss_fn(digits - 1, out)"]
    fix = ask(notebook, "scale-learning-rate", at=at, **RATE)
    assert changed(fix)[1] == ["optimizer = keras.optimizers.SGD(0.1)"]


def test_a_train_step_of_a_model_uses_what_it_was_compiled_with() -> None:
    notebook = cells(
        HEAD,
        """
        class Net(keras.Model):
            def __init__(self):
                super().__init__()
                self.out = keras.layers.Dense(1, activation="sigmoid")
            def call(self, x):
                return self.out(x)
            def train_step(self, data):
                x, y = data
                with tf.GradientTape() as tape:
                    p = self(x, training=True)
                    loss = keras.losses.BinaryCrossentropy()(y, p)
                grads = tape.gradient(loss, self.trainable_variables)
                self.optimizer.apply_gradients(zip(grads, self.trainable_variables))
                return {"loss": loss}
        net = Net()
        net.compile(optimizer="sgd")
        """,
        "net.fit(x, y)",
    )
    fix = ask(notebook, "clip-gradients", at=AT, max_norm=1.0)
    assert changed(fix)[1] == ["net.compile(optimizer=keras.optimizers.SGD(clipnorm=1.0))"]
    fix = ask(notebook, "shift-labels", at=AT, offset=1)
    assert changed(fix)[1] == ["loss = keras.losses.BinaryCrossentropy()(y - 1, p)"]
    fix = ask(notebook, "shift-labels", at=".fit(", offset=1)
    assert changed(fix)[1] == ["loss = keras.losses.BinaryCrossentropy()(y - 1, p)"]
    assert show(notebook, "output", at=AT) == (
        2,
        'self.out = keras.layers.Dense(1, activation="sigmoid")',
    )


def test_a_loss_by_hand_is_shown_but_not_rewritten() -> None:
    notebook = loop("tf.reduce_mean((y - out) ** 2)")
    assert ask(notebook, "use-logits-loss", at=AT) is None
    assert ask(notebook, "shift-labels", at=AT, offset=1) is None
    fix = ask(notebook, "scale-learning-rate", at=AT, **RATE)
    assert changed(fix)[1] == ["optimizer = keras.optimizers.SGD(0.1)"]
    assert show(notebook, "backward", at=AT) == (
        3,
        "grads = tape.gradient(loss, model.trainable_variables)",
    )
