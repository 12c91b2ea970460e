"""shuffle-data: the loader of the loop, the argument of `fit`, the chain of a data set."""

from __future__ import annotations

import pytest

from .notebooks import ask, cells, changed

HEAD = "import torch\nfrom torch import nn, optim\nfrom torch.utils.data import DataLoader\n"
HEAD += "model = nn.Linear(2, 2)\nopt = optim.SGD(model.parameters(), lr=0.1)"
LOOP = """
%%watch_training
for epoch in range(3):
    for x, y in tqdm(loader):
        opt.zero_grad()
        loss = nn.functional.cross_entropy(model(x), y)
        loss.backward()
        opt.step()
"""


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("loader = DataLoader(data, batch_size=32)  # all",
         "loader = DataLoader(data, batch_size=32, shuffle=True)  # all"),
        ("loader = DataLoader(data, 32, False)", "loader = DataLoader(data, 32, True)"),
        ("loader = torch.utils.data.DataLoader(data, shuffle=False, batch_size=32)",
         "loader = torch.utils.data.DataLoader(data, shuffle=True, batch_size=32)"),
    ],
)  # fmt: skip
def test_the_loader_of_the_loop_shuffles(before: str, after: str) -> None:
    fix = ask(cells(HEAD, before, LOOP), "shuffle-data")
    assert fix is not None and fix.cells == {2: after}


def test_a_loader_that_is_made_in_the_loop() -> None:
    loop = LOOP.replace("tqdm(loader)", "DataLoader(data, batch_size=8)")
    _, added = changed(ask(cells(HEAD, loop), "shuffle-data"))
    assert added == ["for x, y in DataLoader(data, batch_size=8, shuffle=True):"]


def test_the_loader_that_a_function_is_given() -> None:
    function = """
    def train_epoch(batches):
        for x, y in batches:
            step(x, y)

    def step(x, y):
        opt.zero_grad()
        loss = nn.functional.cross_entropy(model(x), y)
        loss.backward()
        opt.step()
    """
    made = "train = DataLoader(a, batch_size=8)\nval = DataLoader(b, batch_size=8)"
    notebook = cells(HEAD, made, function, "train_epoch(train)")
    fix = ask(notebook, "shuffle-data")
    assert fix is not None
    assert fix.cells[2].startswith("train = DataLoader(a, batch_size=8, shuffle=True)\nval")
    assert "True" not in fix.cells[2].splitlines()[1]


@pytest.mark.parametrize(
    "made",
    [
        "loader = DataLoader(data, batch_size=32, sampler=mine)",
        "loader = DataLoader(data, **options)",
        "loader = list(zip(x.split(32), y.split(32)))",
    ],
)
def test_another_order_is_shown_only(made: str) -> None:
    fix = ask(cells(HEAD, made, LOOP), "shuffle-data")
    assert fix is not None and fix.safety == "example"
    assert "torch.randperm" in fix.diff


KERAS = """
import numpy as np
import tensorflow as tf
from tensorflow import keras
model = keras.Sequential([keras.layers.Dense(2)])
model.compile("adam", "sparse_categorical_crossentropy")
"""


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("model.fit(x, y, shuffle=False, epochs=3)", "model.fit(x, y, shuffle=True, epochs=3)"),
        ("ds = tf.data.Dataset.from_tensor_slices((x, y)).batch(16).prefetch(2)\n"
         "model.fit(ds, epochs=3)",
         "ds = tf.data.Dataset.from_tensor_slices((x, y)).shuffle(1347).batch(16).prefetch(2)\n"
         "model.fit(ds, epochs=3)"),
        ("ds = tf.data.Dataset.from_tensor_slices((x, y)).shuffle(100).batch(16)\nmodel.fit(ds)",
         "ds = tf.data.Dataset.from_tensor_slices((x, y)).shuffle(1347).batch(16)\nmodel.fit(ds)"),
    ],
)  # fmt: skip
def test_keras_data_are_shuffled(before: str, after: str) -> None:
    fix = ask(cells(KERAS, before), "shuffle-data", at="model.fit", samples=1347)
    assert fix is not None and fix.cells == {2: after}


def test_what_keras_is_given_by_others_is_shown_only() -> None:
    fix = ask(cells(KERAS, "model.fit(load(), epochs=3)"), "shuffle-data", at="fit", samples=9)
    assert fix is not None and fix.safety == "example"
    assert "np.random.permutation" in fix.diff
