"""Fixes as printed, executed: what they cure is cured."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from .notebooks import ask, cells, run

torch = pytest.importorskip("torch")

IMBALANCED = """
import torch
import torch.nn as nn
import torch.optim as optim
from torch.utils.data import DataLoader, TensorDataset

import numpy as np
np.random.seed(42); torch.manual_seed(0)
X = torch.tensor(np.vstack((np.random.randn(100, 2) + [2, 2], np.random.randn(900, 2)))).float()
y = torch.cat([torch.ones(100), torch.zeros(900)]).unsqueeze(1)
loader = DataLoader(TensorDataset(X, y), batch_size=10, shuffle=True)
"""
MODEL = """
class LogisticRegression(nn.Module):
    def __init__(self):
        super(LogisticRegression, self).__init__()
        self.linear = nn.Linear(2, 1)
        self.sigmoid = nn.Sigmoid()

    def forward(self, x):
        return self.sigmoid(self.linear(x))

model = LogisticRegression()
criterion = nn.BCELoss()
optimizer = optim.SGD(model.parameters(), lr=0.01)
"""
TRAIN = """
%%watch_training imbalanced
num_epochs = 30
for epoch in range(num_epochs):
    for inputs, labels in loader:
        optimizer.zero_grad()
        outputs = model(inputs)
        loss = criterion(outputs, labels)
        loss.backward()
        optimizer.step()
    if (epoch+1) % 50 == 0:
      print(f'Epoch [{epoch+1}/{num_epochs}], Loss: {loss.item():.4f}')
"""


def recall(space: Mapping[str, Any]) -> float:
    with torch.no_grad():
        found = space["model"](space["X"]) > 0.5
    return float(found[:100].float().mean())


def test_the_rare_class_is_found_and_the_model_is_left_alone() -> None:
    notebook = cells(IMBALANCED, MODEL, TRAIN)
    before = run(notebook)
    fix = ask(
        notebook, "weigh-classes", namespace=before, pos_weight=9.0, weights=(0.556, 5.0),
        loss="binary_cross_entropy",
    )  # fmt: skip
    assert fix is not None and list(fix.cells) == [3]
    after = run({**notebook, **fix.cells})
    assert recall(before) < 0.8
    assert recall(after) > 0.9
    with torch.no_grad():
        outputs = after["model"](after["X"])
    assert float(outputs.min()) >= 0 and float(outputs.max()) <= 1


def test_logits_with_pos_weight_find_the_rare_class() -> None:
    model = MODEL.replace("self.sigmoid(self.linear(x))", "self.linear(x)").replace(
        "nn.BCELoss()", "nn.BCEWithLogitsLoss()"
    )
    notebook = cells(IMBALANCED, model, TRAIN)
    fix = ask(notebook, "weigh-classes", namespace=run(notebook), pos_weight=9.0)
    assert fix is not None and list(fix.cells) == [2]
    after = run({**notebook, **fix.cells})
    with torch.no_grad():
        found = after["model"](after["X"]) > 0
    assert float(found[:100].float().mean()) > 0.9


CLASSES = """
import torch, torch.nn.functional as F
from torch import nn
torch.manual_seed(1)
X = torch.randn(300, 4)
y = X[:, :3].argmax(1)
"""
DOUBLE = """
class Net(nn.Module):
    def __init__(self, hidden: int = 16) -> None:
        super().__init__()
        self.hidden = nn.Linear(4, hidden)
        self.out = nn.Linear(hidden, 3)
        self.softmax = nn.Softmax(dim=1)  # probabilities

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = F.relu(self.hidden(x))
        return self.softmax(self.out(x))  # (N, 3)
net = Net()
"""
STEPS = """
%%watch_training
opt = torch.optim.SGD(net.parameters(), lr=.5)
loss_fn = nn.CrossEntropyLoss()
for step in range(150):
    opt.zero_grad()
    loss = loss_fn(net(X), y)
    loss.backward(); opt.step()
"""


def test_without_its_second_softmax_the_network_learns() -> None:
    notebook = cells(CLASSES, DOUBLE, STEPS)
    before = run(notebook)
    fix = ask(notebook, "drop-activation", namespace=before, activation="softmax")
    assert fix is not None and list(fix.cells) == [2]
    after = run({**notebook, **fix.cells})
    assert before["loss"].item() > 0.6  # cross entropy of a softmax of a softmax cannot get there
    assert after["loss"].item() < 0.3
    assert list(after["net"].state_dict()) == list(before["net"].state_dict())


def test_a_tenth_of_the_rate_trains() -> None:
    steps = STEPS.replace("lr=.5", "1000.")
    model = DOUBLE.replace("self.softmax(self.out(x))", "self.out(x)")
    notebook = cells(CLASSES, model, steps)
    before = run(notebook)
    fix = ask(notebook, "scale-learning-rate", namespace=before, factor=0.0005, old=1000.0, new=0.5)
    assert fix is not None
    after = run({**notebook, **fix.cells})
    assert not before["loss"].item() < 0.5
    assert after["loss"].item() < 0.3


@pytest.mark.parametrize(
    ("kind", "values", "labels", "loss", "error"),
    [
        ("shift-labels", {"offset": 1}, "y + 1", "F.cross_entropy(net(X), labels)", IndexError),
        ("cast-labels", {"dtype": "long"}, "y.float()", "nn.CrossEntropyLoss()(net(X), labels)",
         RuntimeError),
        ("match-shapes", {"argument": "target", "operation": "squeeze", "dim": 1}, "y.unsqueeze(1)",
         "F.nll_loss(net(X), labels)", RuntimeError),
        ("cast-labels", {"dtype": "float"}, "y % 2",
         "F.binary_cross_entropy_with_logits(net(X)[:, 0], labels)", RuntimeError),
    ],
)  # fmt: skip
def test_a_loss_call_that_raised_runs(
    kind: str, values: dict[str, Any], labels: str, loss: str, error: type[Exception]
) -> None:
    steps = f"""
    labels = {labels}
    loss = {loss}
    loss.backward()
    """
    notebook = cells(CLASSES, DOUBLE, steps)
    with pytest.raises(error):
        run(notebook)
    fix = ask(notebook, kind, at="loss =", **values)
    assert fix is not None
    assert torch.isfinite(run({**notebook, **fix.cells})["loss"])


def test_other_rewritings_run() -> None:
    model = DOUBLE.replace("F.relu(self.hidden(x))", "torch.sigmoid(self.hidden(x))")
    notebook = cells(CLASSES, model, STEPS)
    space = run(notebook)
    for kind, values in (
        ("clip-gradients", {"max_norm": 1.0}),
        ("replace-hidden-activation", {"old": "Sigmoid", "new": "ReLU"}),
        ("weigh-classes", {"weights": (1.2, 0.9, 1.0)}),
    ):
        fix = ask(notebook, kind, namespace=space, **values)
        assert fix is not None and fix.cells
        assert torch.isfinite(run({**notebook, **fix.cells})["loss"])


def test_raw_outputs_get_a_loss_that_takes_them() -> None:
    steps = """
    target = (y > 0).float()
    opt = torch.optim.SGD(net.parameters(), lr=.5)
    criterion = nn.BCELoss(reduction='mean')
    for _ in range(20):
        opt.zero_grad()
        loss = criterion(net(X)[:, 0], target)
        loss.backward()
        opt.step()
    """
    notebook = cells(CLASSES, DOUBLE.replace("self.softmax(self.out(x))", "self.out(x)"), steps)
    with pytest.raises(RuntimeError):
        run(notebook)
    fix = ask(notebook, "use-logits-loss", loss="binary_cross_entropy")
    assert fix is not None
    assert run({**notebook, **fix.cells})["loss"].item() < 0.6


def test_weights_keep_their_precision_with_other_types() -> None:
    steps = """
    target = (y > 0).double()
    p = torch.sigmoid(net.double()(X.double())[:, 0])
    loss = nn.BCELoss()(p, target)
    loss.backward()
    """
    notebook = cells(CLASSES, DOUBLE, steps)
    space = run(notebook)
    fix = ask(notebook, "weigh-classes", namespace=space, pos_weight=9.0)
    assert fix is not None
    assert run({**notebook, **fix.cells})["loss"].item() > space["loss"].item()
