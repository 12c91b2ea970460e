"""Whole stories in a real kernel: the collapse, the cause by name, and its cure run as printed."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from .kernel import Kernel

DATA = """
import numpy as np, torch, torch.nn as nn
from torch.utils.data import DataLoader, TensorDataset
generator = np.random.default_rng(0)
points = np.vstack([generator.normal(2.0, 1.0, (100, 2)), generator.normal(0.0, 1.0, (900, 2))])
points = torch.tensor(points, dtype=torch.float32)
rare = torch.cat([torch.ones(100, 1), torch.zeros(900, 1)])
loader = DataLoader(TensorDataset(points, rare), batch_size=10, shuffle=True)
"""

MODEL = """
torch.manual_seed(0)
class Logistic(nn.Module):
    def __init__(self):
        super().__init__()
        self.linear = nn.Linear(2, 1)
        self.sigmoid = nn.Sigmoid()

    def forward(self, x):
        return self.sigmoid(self.linear(x))

model = Logistic()
criterion = nn.BCELoss()
optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
"""

TRAINING = """%%watch_training logistic --plain
for epoch in range(100):
    for batch, labels in loader:
        optimizer.zero_grad()
        probabilities = model(batch)
        loss = criterion(probabilities, labels)
        loss.backward()
        optimizer.step()
"""

RECALL = "(model(points) > 0.5)[rare == 1].float().mean().item()"


def last_report(kernel: Kernel) -> dict[str, Any]:
    text = kernel.value("__import__('collapse_magic').last_report().to_json(None)")
    report: dict[str, Any] = json.loads(text)
    return report


@pytest.mark.timeout(180)
def test_nine_hundred_against_one_hundred(kernel: Kernel) -> None:
    for cell in (DATA, MODEL):
        assert kernel.run(cell).status == "ok"

    outcome = kernel.run(TRAINING)
    before = float(kernel.value(RECALL))
    report = last_report(kernel)

    finding = report["findings"][0]
    assert finding["rule"] == "class-imbalance"
    values = {k: v for evidence in finding["evidence"] for k, v in evidence["values"].items()}
    assert values["label_ratio"] == pytest.approx(9.0, rel=0.15)
    # the recall told is that while training, of the cases that the message counts
    found, cases = (int(number) for number in re.findall(r"(\d+) of (\d+)", finding["message"])[0])
    assert values["recall"] == pytest.approx(found / cases)
    assert 0.1 < values["recall"] < 0.8
    assert values["recall_of_majority"] > 0.95
    assert "class-imbalance: class 1 is found in" in outcome.shown

    # WHEN the changed cell is run as printed, on a fresh model
    assert [*finding["fix"]["cells"]] == [str(finding["location"]["cell"] + 1)]
    [source] = finding["fix"]["cells"].values()
    assert kernel.run(MODEL).status == "ok"
    assert kernel.run(source).status == "ok"

    assert before < 0.8
    assert float(kernel.value(RECALL)) > 0.9
    assert last_report(kernel)["findings"] == []
