"""Small training programs as users write them: each returns whatever a user could look at."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

Outcome = dict[str, Any]


def seed() -> None:
    torch.manual_seed(3)
    np.random.seed(3)
    random.seed(3)


def _outcome(losses: list[float], *models: nn.Module) -> Outcome:
    weights = [p.detach().clone() for m in models for p in m.state_dict().values()]
    return {"losses": losses, "weights": weights}


def _data(n: int = 96, features: int = 6, classes: int = 3) -> tuple[torch.Tensor, torch.Tensor]:
    return torch.randn(n, features), torch.randint(0, classes, (n,))


def mlp_with_dropout() -> Outcome:
    x, y = _data()
    model = nn.Sequential(nn.Linear(6, 16), nn.ReLU(), nn.Dropout(0.3), nn.Linear(16, 3))
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01, weight_decay=0.01)
    loader = DataLoader(TensorDataset(x, y), batch_size=16, shuffle=True)
    losses = []
    for _ in range(4):
        for batch, labels in loader:
            optimizer.zero_grad()
            loss = nn.CrossEntropyLoss()(model(batch), labels)
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
        model.eval()
        with torch.no_grad():
            losses.append(F.cross_entropy(model(x), y).item())
        model.train()
    return _outcome(losses, model)


def sides(out: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    p = out.sigmoid()
    return -(2.0 * target * p.log() + (1 - target) * (1 - p).log()).mean()


def handwritten_losses() -> Outcome:
    x, y = _data()
    model = nn.Linear(6, 3)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    losses = []
    rows = torch.arange(len(y))
    for i in range(36):
        optimizer.zero_grad()
        out = model(x)
        one_hot = F.one_hot(y, 3).float()
        options: list[Callable[..., torch.Tensor]] = [
            lambda out, t: -(out.log_softmax(1) * t).sum(1).mean(),
            lambda out, t: F.l1_loss(out, t),
            lambda out, t: F.cross_entropy(out, t),
            lambda out, t: F.mse_loss(out, t) + 0.1 * F.cross_entropy(out, y),
            sides,
            lambda out, _: (out.logsumexp(1) - out[rows, y]).mean(),
            lambda out, _: -out.log_softmax(1).gather(1, y[:, None]).mean(),
            lambda out, t: torch.relu(1 - (2 * t - 1) * out).mean(),
            lambda out, t: ((out.sigmoid() - t) ** 2).sum(),
        ]
        loss = options[i % 9](out, one_hot)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return _outcome(losses, model)


PROGRAMS: dict[str, Callable[[], Outcome]] = {
    program.__name__: program
    for program in (
        mlp_with_dropout,
        handwritten_losses,
    )
}


def run(program: Callable[[], Outcome]) -> Outcome:
    """The program's outcome, and the three random states it left behind."""
    seed()
    outcome = program()
    outcome["random"] = [
        torch.get_rng_state(),
        np.random.get_state()[1],
        np.array(random.getstate()[1]),
    ]
    return outcome


def assert_same(one: Outcome, other: Outcome) -> None:
    """Bit for bit."""
    assert one["losses"] == other["losses"]
    assert len(one["weights"]) == len(other["weights"])
    for a, b in zip(one["weights"], other["weights"], strict=True):
        assert torch.equal(a, b)
    for a, b in zip(one["random"], other["random"], strict=True):
        assert np.array_equal(np.asarray(a), np.asarray(b))
