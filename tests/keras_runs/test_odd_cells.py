"""Cells with Keras as people write them, rewritten and executed."""

from __future__ import annotations

import numpy as np
import pytest

from tests.source.odd import Odd, Space, parametrize, prove

HEAD = """
%%capture
import numpy as np
rng = np.random.default_rng(0)
x, y = rng.normal(size=(32, 4)).astype("float32"), (np.arange(32) % 4 == 0).astype("float32")
"""
FIT = "history = model.fit(x, y, epochs=1, verbose=0)  # go"
ALIASES = {
    "keras": ("import keras", "keras"),
    "tf.keras": ("import tensorflow as tf", "tf.keras"),
    "from tensorflow": ("from tensorflow import keras as K", "K"),
}


def network(
    alias: str = "keras",
    loss: str = '"binary_crossentropy"',
    optimizer: str = "'adam'",
    last: str = ', activation="sigmoid"',
    first: str = ', activation="relu"',
) -> str:
    line, k = ALIASES[alias]
    return f"""
{line}
!echo made
model = {k}.Sequential([
    {k}.Input((4,)),
    {k}.layers.Dense(6{first}),  # hidden
    {k}.layers.Dense(
        1{last},
    ),  # out
])
model.compile(optimizer={optimizer.replace("KERAS", k)}, \\
              loss={loss.replace("KERAS", k)})  # as always
"""


def rate(_: Space, after: Space) -> bool:
    return float(after["model"].optimizer.learning_rate.numpy()) == pytest.approx(0.05)


def slower(name: str, optimizer: str, alias: str = "keras", more: str = "") -> Odd:
    values = {"factor": 0.1, "old": 0.5, "new": 0.05}
    made = more + network(alias, optimizer=optimizer)
    return Odd(name, (HEAD, made, FIT), "scale-learning-rate", rate, values, at=".fit(")


@parametrize(
    [
        slower("an object of keras", "KERAS.optimizers.SGD(learning_rate=0.5)"),
        slower("an object of tf.keras", "KERAS.optimizers.SGD(.5)", "tf.keras"),
        slower("a string", "'sgd'", "from tensorflow"),
        slower("in a variable", "KERAS.optimizers.SGD(RATE)", more="RATE = 5e-1  # try less?\n"),
    ]
)
def test_the_rate_is_the_measured_part(case: Odd) -> None:
    prove(case)


def takes_logits(_: Space, after: Space) -> bool:
    """The loss reads the outputs as they are: its value is that of logits, or of a sigmoid."""
    model, x, y = after["model"], after["x"], after["y"]
    out = model.predict(x, verbose=0)[:, 0].astype(float)
    if getattr(model.loss, "from_logits", False):
        out = 1 / (1 + np.exp(-out))
    wanted = -np.mean(np.log(np.where(y > 0.5, out, 1 - out)))
    return float(model.evaluate(x, y, verbose=0)) == pytest.approx(wanted, rel=1e-3)


def wired(name: str, kind: str, loss: str, last: str, values: dict[str, str], alias: str) -> Odd:
    made = network(alias, loss=loss, last=last)
    return Odd(name, (HEAD, made, FIT), kind, takes_logits, values, at=".fit(")


@parametrize(
    [
        wired("raw outputs into a string", "use-logits-loss", "'binary_crossentropy'", "",
              {"loss": "binary_cross_entropy"}, "tf.keras"),
        wired("raw outputs into a function", "use-logits-loss",
              "KERAS.losses.binary_crossentropy", "", {"loss": "binary_cross_entropy"}, "keras"),
        wired("relu at the end", "replace-output-activation", "'bce'", ", activation='relu'",
              {"old": "ReLU", "new": "Sigmoid", "loss": "binary_cross_entropy"},
              "from tensorflow"),
    ]
)  # fmt: skip
def test_the_loss_fits_the_outputs(case: Odd) -> None:
    prove(case)


def weighted(_: Space, after: Space) -> bool:
    """The weighted loss of the first step, from the same first weights."""
    y, history = after["y"], after["history"].history
    out = after["first"][:, 0].astype(float)
    each = -np.log(np.where(y > 0.5, out, 1 - out))
    wanted = np.mean(each * np.where(y > 0.5, 2.0, 0.67))
    return history["loss"][0] == pytest.approx(wanted, rel=1e-3)


@parametrize(
    [
        Odd("class weights", (HEAD, network() + "first = model.predict(x, verbose=0)",
            "history = model.fit(\n    x, y,  # all\n    class_weight={0: 1, 1: 1},\n"
            "    verbose=0,\n)"), "weigh-classes", weighted, {"weights": [0.67, 2.0]},
            at=".fit("),
        Odd("more epochs", (HEAD, network(), "EPOCHS = 1  # for now\n"
            "history = model.fit(x, y, epochs=EPOCHS, verbose=0)"), "train-longer",
            lambda a, b: (len(a["history"].epoch), len(b["history"].epoch)) == (1, 10),
            at=".fit("),
        Odd("clipped", (HEAD, network("tf.keras", optimizer="'rmsprop'"), FIT), "clip-gradients",
            lambda _a, b: b["model"].optimizer.clipnorm == 0.5, {"max_norm": 0.5}, at=".fit("),
        Odd("first weights", (HEAD, "one = 'ones'\n" + network(
            first=", kernel_initializer=one, activation='tanh'"),
            "start = model.layers[0].get_weights()[0]\n" + FIT), "initialize-anew",
            lambda a, b: a["start"].std() == 0 and b["start"].std() > 0.01, at=".fit("),
        Odd("a frozen model", (HEAD, network() + "model.trainable = False\n"
            "model.compile('sgd', 'binary_crossentropy')",
            FIT), "unfreeze", lambda a, b: (len(a["model"].trainable_weights),
            len(b["model"].trainable_weights)) == (0, 2), at=".fit("),
        Odd("frozen layers", (HEAD, network("tf.keras") + "for part in model.layers:\n"
            "    part.trainable = False  # keep\nmodel.compile('sgd', 'binary_crossentropy')",
            FIT), "unfreeze", lambda _a, b: len(b["model"].trainable_weights) == 2, at=".fit("),
        Odd("hidden activations by a parameter", (HEAD, """
            import keras
            def build(act="sigmoid"):
                inputs = keras.Input((4,))
                h = inputs
                for size in (6, 6):
                    h = keras.layers.Dense(size, activation=act)(h)  # hidden
                return keras.Model(inputs, keras.layers.Dense(1, activation="sigmoid")(h))
            model = build()
            model.compile("sgd", "binary_crossentropy")
            """, FIT), "replace-hidden-activation",
            lambda _a, b: [layer.activation.__name__ for layer in b["model"].layers[1:]]
            == ["relu", "relu", "sigmoid"], {"old": "Sigmoid", "new": "ReLU"}, at=".fit("),
        Odd("features", (HEAD, "table = x * 1e4 + 7  # as it comes\nx = table", network(), FIT),
            "scale-inputs", lambda _a, b: np.allclose(b["x"].mean(0), 0, atol=1e-3)
            and np.allclose(b["x"].std(0), 1, atol=1e-3),
            {"inputs": "features", "minimum": -1.0, "maximum": 1e5, "constant": 0}, at=".fit(",
            most=0),
        Odd("holes", (HEAD, "x[3, 1] = np.nan; x[5] = np.inf  # no value", network(), FIT),
            "clean-inputs", lambda a, b: not np.isfinite(a["x"]).all()
            and np.isfinite(b["x"]).all(), {"argument": "input"}, at=".fit(", most=1),
    ]
)  # fmt: skip
@pytest.mark.filterwarnings("ignore:The model does not have any trainable weights")
def test_what_keras_is_given_does_it(case: Odd) -> None:
    prove(case)


TAPE = """
import keras
import tensorflow as tf
model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1), keras.layers.Dropout(0.5)])
optimizer = keras.optimizers.SGD(0.1)
loss_fn = keras.losses.BinaryCrossentropy(from_logits=True)
start = model.layers[0].get_weights()[0]
"""


@parametrize(
    [
        Odd("gradients that are clipped and left", (HEAD, TAPE, """
            for _ in range(2):
                with tf.GradientTape() as tape:
                    loss = loss_fn(y[:, None], model(x, training=True))
                grads = tape.gradient(loss, model.trainable_variables)
                grads, norm = tf.clip_by_global_norm(grads, 1.0)  # calm
            """), "make-step",
            lambda a, b: (a["start"] == a["model"].layers[0].get_weights()[0]).all()
            and (b["start"] != b["model"].layers[0].get_weights()[0]).any(), at="tape.gradient",
            most=0),
        Odd("a model that is not told to train", (HEAD, TAPE, """
            with tf.GradientTape() as tape:
                out = model(x)  # scores
                loss = loss_fn(y[:, None], out)
            grads = tape.gradient(loss, model.trainable_variables)
            optimizer.apply_gradients(zip(grads, model.trainable_variables))
            """), "train-mode", lambda a, b: not (a["out"].numpy() == 0).any()
            and bool((b["out"].numpy() == 0).any()), at="tape.gradient"),
    ]
)  # fmt: skip
def test_a_tape_gets_what_it_lacks(case: Odd) -> None:
    prove(case)
