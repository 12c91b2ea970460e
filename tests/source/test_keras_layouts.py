"""Where people who use Keras write what a fix changes: settings, factories, classes, lists."""

from __future__ import annotations

import math

import pytest

from .notebooks import ask, cells, changed

HEAD = """
import numpy as np
import keras
from keras import layers, optimizers, regularizers
"""
MODEL = """
model = keras.Sequential([layers.Dense(8, activation="relu"), layers.Dense(3, "softmax")])
"""
COMPILE = 'model.compile(optimizer="adam", loss="sparse_categorical_crossentropy")\n'
FIT = "model.fit(x, y, epochs=4)"
RATE = {"factor": 1000.0, "old": 1e-6, "new": 1e-3}


@pytest.mark.parametrize(
    ("made", "before", "after"),
    [
        ('CFG = {"opt": optimizers.Adam, "lr": 1e-6}\n'
         'def prepare(m, opt):\n    m.compile(optimizer=opt, loss="mse")\n    return m\n'
         'model = prepare(model, CFG["opt"](1e-6))', "(1e-6))", "(0.001))"),
        ('from functools import partial\nmake = partial(optimizers.SGD, learning_rate=1e-6)\n'
         'model.compile(make(), "mse")', "=1e-6", "=0.001"),
        ('settings = {"loss": "mse", "optimizer": optimizers.Adam(1e-6)}\n'
         "model.compile(**settings)", "Adam(1e-6)", "Adam(0.001)"),
        ('class Config:\n    opt = "sgd"\nmodel.compile(Config.opt, "mse")', '"sgd"',
         "optimizers.SGD(learning_rate=0.001)"),
        ('class Trial:\n    def __init__(self, model):\n        self.model = model\n'
         '    def ready(self, **kw):\n        self.model.compile(loss="mse", **kw)\n'
         "    def run(self):\n        self.model.fit(x, y)\n"
         "Trial(model).ready(optimizer=optimizers.Adam(1e-6))", "1e-6", "0.001"),
    ],
)  # fmt: skip
def test_the_rate_is_changed_where_the_optimizer_is_made(
    made: str, before: str, after: str
) -> None:
    notebook = cells(HEAD + MODEL + made, FIT)
    fix = ask(notebook, "scale-learning-rate", at=".fit", **RATE)
    assert fix is not None and fix.cells == {1: notebook[1].replace(before, after)}


@pytest.mark.parametrize(
    ("given", "before", "after"),
    [
        ("options = dict(epochs=3, class_weight=w)\nmodel.fit(x, y, **options)", "=w", "={}"),
        ("options = dict(epochs=3)\nmodel.fit(x, y, **options)", "**options)",
         "**options, class_weight={})"),
    ],
)  # fmt: skip
def test_weights_are_set_in_the_options_of_fit(given: str, before: str, after: str) -> None:
    notebook = cells(HEAD + MODEL + COMPILE, given)
    fix = ask(notebook, "weigh-classes", at="model.fit", weights=(0.6, 5.0))
    wanted = after.replace("{}", "{0: 0.6, 1: 5.0}")
    assert fix is not None and fix.cells == {2: given.replace(before, wanted)}


HIDDEN = {"old": "Sigmoid", "new": "ReLU"}


@pytest.mark.parametrize(
    "model",
    [
        "stack = []\nfor units in (8, 8):\n"
        '    stack.append(layers.Dense(units, "sigmoid"))\n'
        "model = keras.Sequential(stack + [layers.Dense(3)])",
        "def dense(units):\n"
        '    return layers.Dense(units, activation="sigmoid")\n'
        "model = keras.Sequential([dense(8), dense(8), layers.Dense(3)])",
        'model = keras.Sequential([layers.Dense(8, "sigmoid") for _ in range(3)])\n'
        "model.add(layers.Dense(3))",
    ],
)
def test_hidden_activations_are_found_in_lists_that_code_puts_together(model: str) -> None:
    notebook = cells(HEAD + model + "\n" + COMPILE, FIT)
    fix = ask(notebook, "replace-hidden-activation", at=".fit", **HIDDEN)
    removed, added = changed(fix)
    assert len(removed) == len(added) == 1
    assert "sigmoid" in removed[0] and '"relu"' in added[0]
    assert 'kernel_initializer="he_normal"' in added[0]


def test_a_loop_that_ends_with_the_outputs_is_no_hidden_layer() -> None:
    model = 'model = keras.Sequential([layers.Dense(n, "sigmoid") for n in (8, 1)])\n'
    fix = ask(
        cells(HEAD + model + COMPILE, FIT), "drop-activation", at=".fit", activation="Sigmoid"
    )
    assert fix is None or not fix.cells


def test_a_schedule_counts_the_batches_of_an_epoch() -> None:
    class Trained:
        """As much of a fitted model as says how many batches an epoch has."""

        def __init__(self) -> None:
            self.history = self
            self.params = {"steps": 88, "epochs": 4}

    rate = "rate = optimizers.schedules.ExponentialDecay(0.1, decay_steps=2, decay_rate=0.5)\n"
    notebook = cells(HEAD + MODEL + rate + 'model.compile(optimizers.SGD(rate), "mse")', FIT)
    fix = ask(notebook, "step-per-epoch", at=".fit", namespace={"model": Trained()})
    assert fix is not None
    assert fix.cells == {1: notebook[1].replace("decay_steps=2", "decay_steps=176")}
    # of thirty epochs with half the rate each, nothing would be left: a tenth stays at the end
    longer = {**notebook, 2: FIT.replace("epochs=4", "epochs=30")}
    fix = ask(longer, "step-per-epoch", at=".fit", namespace={"model": Trained()})
    steps = math.ceil(30 * 88 * math.log10(2))
    assert fix is not None and f"decay_steps={steps}" in fix.cells[1]
    unknown = ask(notebook, "step-per-epoch", at=".fit")
    assert unknown is not None and unknown.safety == "example"


def test_early_stopping_joins_callbacks_that_are_listed_elsewhere() -> None:
    called = "calls = [keras.callbacks.TerminateOnNaN()]\n"
    fit = "model.fit(x, y, epochs=4, callbacks=calls)"
    fix = ask(cells(HEAD + MODEL + COMPILE + called, fit), "stop-early", at=".fit")
    assert changed(fix)[1] == [
        "model.fit(x, y, epochs=4, callbacks=[*calls, "
        "keras.callbacks.EarlyStopping(patience=5, restore_best_weights=True)])"
    ]


def test_layers_without_anything_between_them_get_a_non_linearity() -> None:
    model = "model = keras.Sequential([layers.Dense(8), layers.Dense(8), layers.Dense(1)])\n"
    notebook = cells(HEAD + model + COMPILE, FIT)
    fix = ask(notebook, "check-one-batch", at=".fit")
    assert fix is not None and fix.cells == {
        1: notebook[1].replace("Dense(8)", 'Dense(8, activation="relu")')
    }
    bent = notebook[1].replace("Dense(8)", "Dense(8, bend)")
    shown = ask({**notebook, 1: bent}, "check-one-batch", at=".fit")
    assert shown is not None and shown.safety == "example"
