"""train-mode, settle-averages, stop-early and pair-labels."""

from __future__ import annotations

import pytest

from .notebooks import ask, cells, changed

HEAD = "import torch\nfrom torch import nn, optim\nnet = nn.Sequential(nn.Linear(2, 2))\n"
HEAD += "opt = optim.SGD(net.parameters(), lr=0.1)"
LOOP = """
%%watch_training
for epoch in range(3):
    for x, y in loader:  # one pass
        # as usual
        opt.zero_grad()
        loss = nn.functional.cross_entropy(net(x), y)
        loss.backward()
        opt.step()
    validate()
"""


def test_each_batch_begins_in_training_mode() -> None:
    fix = ask(cells(HEAD, LOOP), "train-mode")
    assert fix is not None
    assert fix.cells[2].splitlines()[1:6] == [
        "for epoch in range(3):",
        "    for x, y in loader:  # one pass",
        "        net.train()",
        "        # as usual",
        "        opt.zero_grad()",
    ]


def test_a_step_in_a_function_of_its_own_is_shown_only() -> None:
    step = "def step(x, y):\n    loss = nn.functional.cross_entropy(net(x), y)\n    loss.backward()"
    fix = ask(cells(HEAD, step), "train-mode")
    assert fix is not None and fix.safety == "example"
    assert fix.diff == "+net.train()  # before each epoch"


def test_the_averages_follow_faster() -> None:
    made = "bn = nn.BatchNorm1d(8, momentum=0.001)  # as in TF\nfast = nn.BatchNorm1d(8)"
    fix = ask(cells(HEAD, made, LOOP), "settle-averages")
    assert changed(fix)[1] == ["bn = nn.BatchNorm1d(8, momentum=0.1)  # as in TF"]
    fix = ask(cells(HEAD, LOOP), "settle-averages")
    assert fix is not None and fix.safety == "example"


@pytest.mark.parametrize("kind", ["stop-early", "pair-labels"])
def test_what_torch_is_shown(kind: str) -> None:
    fix = ask(cells(HEAD, LOOP), kind)
    assert fix is not None and fix.safety == "example"
    assert "net.state_dict()" in fix.diff or "torch.randperm" in fix.diff


KERAS = """
from tensorflow import keras
model = keras.Sequential([
    keras.layers.BatchNormalization(momentum=0.999),
    keras.layers.BatchNormalization(),
    keras.layers.BatchNormalization(momentum=0.5),
])
model.compile("adam", "binary_crossentropy")
"""


def test_keras_averages_follow_faster() -> None:
    _, added = changed(ask(cells(KERAS, "model.fit(x, y)"), "settle-averages", at="model.fit"))
    assert added == ["keras.layers.BatchNormalization(momentum=0.9),"] * 2


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("model.fit(x, y, epochs=9)",
         "model.fit(x, y, epochs=9, callbacks=[keras.callbacks.EarlyStopping("
         "patience=5, restore_best_weights=True)])"),
        ("model.fit(x, y, callbacks=[log])",
         "model.fit(x, y, callbacks=[log, keras.callbacks.EarlyStopping("
         "patience=5, restore_best_weights=True)])"),
    ],
)  # fmt: skip
def test_keras_stops_early(before: str, after: str) -> None:
    fix = ask(cells(KERAS, before), "stop-early", at="model.fit")
    assert fix is not None and fix.cells == {2: after}


@pytest.mark.parametrize("kind", ["stop-early", "pair-labels"])
def test_what_keras_is_shown(kind: str) -> None:
    fix = ask(cells(KERAS, "model.fit(x, y, callbacks=mine)"), kind, at="model.fit")
    assert fix is not None and fix.safety == "example"
