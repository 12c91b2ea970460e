"""mask-padding: the last real step, the mean of the real ones, an embedding that masks."""

from __future__ import annotations

import pytest

from .notebooks import ask, cells, changed

MODEL = """
import torch
from torch import nn

class Reader(nn.Module):
    def __init__(self):
        super().__init__()
        self.table = nn.Embedding(50, 8)
        self.rnn = nn.GRU(8, 16, batch_first=True)
        self.head = nn.Linear(16, 2)

    def forward(self, x):
        {first}
        return self.head({read})

model = Reader()
"""
LOOP = """
%%watch_training
for x, y in batches:
    loss = nn.functional.cross_entropy(model(x), y)
    loss.backward()
"""


@pytest.mark.parametrize(
    ("first", "read", "inputs", "now"),
    [
        (
            "out, _ = self.rnn(x)",
            "out[:, -1]",
            "features",
            "out[torch.arange(len(out)), (x != 0).any(-1).sum(1).clamp(min=1) - 1]",
        ),
        (
            "out, _ = self.rnn(self.table(x))",
            "out[:, -1, :]",
            "integers",
            "out[torch.arange(len(out)), (x != 0).sum(1).clamp(min=1) - 1]",
        ),
        (
            "rows = self.table(x)",
            "rows.mean(dim=1)",
            "integers",
            "(rows * (x != 0).unsqueeze(-1)).sum(1) / (x != 0).sum(1, keepdim=True).clamp(min=1)",
        ),
    ],
)
def test_what_is_real_is_read(first: str, read: str, inputs: str, now: str) -> None:
    notebook = cells(MODEL.format(first=first, read=read), LOOP)
    fix = ask(notebook, "mask-padding", inputs=inputs)
    assert changed(fix)[1] == [f"return self.head({now})"]
    assert fix is not None and fix.safety == "needs-review"


@pytest.mark.parametrize(
    ("first", "read"),
    [
        ("out = self.head(x)", "out[:, -1]"),  # no recurrent layer
        ("out, _ = self.rnn(x)", "out[:, 0]"),
        ("out = x", "out.mean(1)"),
    ],
)
def test_what_reads_something_else_is_shown_only(first: str, read: str) -> None:
    notebook = cells(MODEL.format(first=first, read=read), LOOP)
    fix = ask(notebook, "mask-padding", inputs="features")
    assert fix is not None and fix.safety == "example"
    assert "lengths - 1" in fix.diff


KERAS = """
import keras
from keras import layers
model = keras.Sequential([
    {first},
    layers.LSTM(16),
    layers.Dense(2),
])
model.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
"""


def test_an_embedding_masks_its_padding() -> None:
    notebook = cells(KERAS.format(first="layers.Embedding(50, 8)"), "model.fit(x, y)")
    fix = ask(notebook, "mask-padding", at=".fit(", inputs="integers")
    assert changed(fix)[1] == ["layers.Embedding(50, 8, mask_zero=True),"]
    notebook = cells(KERAS.format(first="layers.Dense(8)"), "model.fit(x, y)")
    fix = ask(notebook, "mask-padding", at=".fit(", inputs="features")
    assert fix is not None and "Masking" in fix.diff
