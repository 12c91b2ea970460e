"""change-loss, step-per-epoch, train-longer, lower-weight-decay and lower-dropout."""

from __future__ import annotations

import pytest

from .notebooks import ask, cells

HEAD = (
    "import torch\nimport torch.nn as nn\nimport torch.nn.functional as F\n"
    "from torch.optim.lr_scheduler import StepLR\n"
)
MODEL = "model = nn.Sequential(nn.Linear(4, 8), nn.Dropout(0.9), nn.Linear(8, 3))\n"
OPTIMIZER = "opt = torch.optim.SGD(model.parameters(), lr=0.1, weight_decay=decay)\n"


def loop(loss: str) -> str:
    return f"for x, y in data:\n    loss = {loss}\n    loss.backward()\n    opt.step()"


@pytest.mark.parametrize(
    ("new", "before", "after"),
    [
        ("BinaryCrossentropy", "F.mse_loss(torch.sigmoid(model(x)), y)",
         "F.binary_cross_entropy(torch.sigmoid(model(x)), y)"),
        ("BinaryCrossentropy", "nn.L1Loss()(torch.sigmoid(model(x)), y)",
         "nn.BCELoss()(torch.sigmoid(model(x)), y)"),
        ("BinaryCrossentropy", 'F.l1_loss(model(x).sigmoid(), y, reduction="sum")',
         'F.binary_cross_entropy(model(x).sigmoid(), y, reduction="sum")'),
        ("CategoricalCrossentropy", "F.l1_loss(model(x).softmax(1), y)",
         "F.cross_entropy(model(x), y)"),
        ("CategoricalCrossentropy", "F.smooth_l1_loss(F.softmax(model(x), dim=1), y)",
         "F.cross_entropy(model(x), y)"),
    ],
)  # fmt: skip
def test_a_distance_becomes_a_cross_entropy(new: str, before: str, after: str) -> None:
    fix = ask(cells(HEAD + MODEL + OPTIMIZER, loop(before)), "change-loss", new=new)
    assert fix is not None and fix.cells == {2: loop(after)}


def test_a_module_made_elsewhere_is_changed_there() -> None:
    made = HEAD + MODEL + OPTIMIZER + "criterion = nn.MSELoss()"
    notebook = cells(made, loop("criterion(model(x).sigmoid(), y)"))
    fix = ask(notebook, "change-loss", new="BinaryCrossentropy")
    assert fix is not None and fix.cells == {1: made.replace("MSELoss", "BCELoss")}


@pytest.mark.parametrize(
    "loss", ["F.smooth_l1_loss(model(x).sigmoid(), y, beta=2)", "distance(model(x).sigmoid(), y)"]
)
def test_a_distance_with_settings_or_of_ones_own_is_an_example(loss: str) -> None:
    fix = ask(cells(HEAD + MODEL + OPTIMIZER, loop(loss)), "change-loss", new="BinaryCrossentropy")
    assert fix is None or (fix.safety == "example" and "+nn.BCELoss()" in fix.diff)


BATCHES = """
scheduler = StepLR(opt, 5)
for epoch in range(8):
    for x, y in data:
        loss = F.cross_entropy(model(x), y)
        loss.backward()
        opt.step()
        scheduler.step()  # every time
    print(loss)
"""
IN_FUNCTION = """
def train_epoch(scheduler):
    for x, y in data:
        loss = F.cross_entropy(model(x), y)
        loss.backward()
        opt.step()
        scheduler.step()
    return loss
train_epoch(StepLR(opt, 5))
"""


def test_a_schedule_steps_behind_the_loop_over_the_batches() -> None:
    fix = ask(cells(HEAD + MODEL + OPTIMIZER, BATCHES), "step-per-epoch")
    assert fix is not None and fix.safety == "needs-review"
    lines = fix.cells[2].split("\n")
    assert lines[5:] == ["        opt.step()", "    scheduler.step()", "    print(loss)"]
    fix = ask(cells(HEAD + MODEL + OPTIMIZER, IN_FUNCTION), "step-per-epoch")
    assert fix is not None
    lines = fix.cells[2].split("\n")
    assert lines[4:7] == ["        opt.step()", "    scheduler.step()", "    return loss"]


def test_a_schedule_that_is_not_in_sight_is_an_example() -> None:
    fix = ask(
        cells(HEAD + MODEL + OPTIMIZER, loop("F.cross_entropy(model(x), y)")), "step-per-epoch"
    )
    assert fix is not None and fix.safety == "example"
    assert fix.diff == "+scheduler.step()  # behind the loop over the batches"


def test_the_outermost_loop_is_shown() -> None:
    endless = BATCHES.replace("for epoch in range(8):", "while True:")
    fix = ask(cells(HEAD + MODEL + OPTIMIZER, endless), "train-longer")
    assert fix is not None and fix.safety == "example"
    removed, added = fix.diff.split("\n")
    assert removed == "-while True:"
    assert added == "+while True:  # 10 times as many, to begin with"


def test_weight_decay_is_lowered_at_the_optimizer() -> None:
    notebook = cells(HEAD + MODEL + OPTIMIZER, loop("F.cross_entropy(model(x), y)"))
    fix = ask(notebook, "lower-weight-decay", old=2.0, new=1e-4)
    assert fix is not None
    assert fix.cells == {1: notebook[1].replace("weight_decay=decay", "weight_decay=0.0001")}
    penalty = ask(notebook, "lower-weight-decay", old=0.0, new=1e-4)
    assert penalty is not None and penalty.safety == "example"


def test_the_dropout_of_the_measured_probability_is_lowered() -> None:
    notebook = cells(HEAD + MODEL + OPTIMIZER, loop("F.cross_entropy(model(x), y)"))
    fix = ask(notebook, "lower-dropout", old=0.9, new=0.3)
    assert fix is not None
    assert fix.cells == {1: notebook[1].replace("Dropout(0.9)", "Dropout(0.3)")}
    other = ask(notebook, "lower-dropout", old=0.95, new=0.3)
    assert other is not None and other.diff == "-nn.Dropout(0.9)\n+nn.Dropout(0.3)"


KERAS = """
from tensorflow import keras
from tensorflow.keras import layers, regularizers
model = keras.Sequential([
    layers.Dense(8, "relu", kernel_regularizer=regularizers.l2(1.0)),
    layers.Dropout(0.9),
    layers.Dense(1, activation="sigmoid"),
])
rate = keras.optimizers.schedules.ExponentialDecay(0.1, 1, 0.5)
model.compile(keras.optimizers.AdamW(rate, weight_decay=WD), loss="mae")
"""
FIT = "model.fit(x, y, epochs=EPOCHS)"


@pytest.mark.parametrize(
    ("kind", "values", "before", "after"),
    [
        ("change-loss", {"new": "BinaryCrossentropy"}, '"mae"', '"binary_crossentropy"'),
        ("lower-weight-decay", {"old": 2.0, "new": 0.01}, "decay=WD", "decay=0.01"),
        ("lower-dropout", {"old": 0.9, "new": 0.3}, "Dropout(0.9)", "Dropout(0.3)"),
        ("lower-weight-decay", {"old": 0.0, "new": 1e-4}, "l2(1.0)", "l2(0.0001)"),
    ],
)
def test_what_keras_is_given_as_code(
    kind: str, values: dict[str, object], before: str, after: str
) -> None:
    notebook = cells(KERAS, FIT)
    fix = ask(notebook, kind, at="model.fit", **values)
    assert fix is not None and fix.cells == {1: notebook[1].replace(before, after)}


@pytest.mark.parametrize(
    ("kind", "values", "shown"),
    [
        ("lower-dropout", {"old": 0.95, "new": 0.3},
         "-layers.Dropout(0.9)\n+keras.layers.Dropout(0.3)"),
        ("step-per-epoch", {},
         "-keras.optimizers.schedules.ExponentialDecay(0.1, 1, 0.5)\n"
         "+decay_steps=batches_per_epoch  # schedules count batches"),
    ],
)  # fmt: skip
def test_what_keras_is_shown(kind: str, values: dict[str, object], shown: str) -> None:
    fix = ask(cells(KERAS, FIT), kind, at="model.fit", **values)
    assert fix is not None and fix.safety == "example" and fix.diff == shown
