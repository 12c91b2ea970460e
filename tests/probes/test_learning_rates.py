"""Learning rates as they were in force, whatever changes them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torch.optim import lr_scheduler

from collapse_magic.records import LearningRate, OptimizerFacts

from .watched import watched

Make = Callable[[torch.optim.Optimizer], Any]
BATCHES = 5  # in an epoch

PER_BATCH: dict[str, Make] = {
    "one cycle": lambda o: lr_scheduler.OneCycleLR(o, 0.1, total_steps=41),
    "cosine": lambda o: lr_scheduler.CosineAnnealingLR(o, 40),
    "warm-up": lambda o: lr_scheduler.LambdaLR(o, lambda step: min(1.0, (step + 1) / 10)),
    "restarts": lambda o: lr_scheduler.CosineAnnealingWarmRestarts(o, 8),
}
PER_EPOCH: dict[str, Make] = {
    "steps": lambda o: lr_scheduler.StepLR(o, 2, 0.5),
    "exponential": lambda o: lr_scheduler.ExponentialLR(o, 0.9),
    "plateau": lambda o: lr_scheduler.ReduceLROnPlateau(o, patience=1),
}


def changes(rates: list[tuple[float, ...]]) -> list[tuple[int, tuple[float, ...]]]:
    """(step, rates) wherever they differ from those of the step before."""
    before = [None, *rates[:-1]]
    pairs = enumerate(zip(before, rates, strict=True), start=1)
    return [(step, now) for step, (then, now) in pairs if then != now]


def trained(
    optimizer: torch.optim.Optimizer, model: nn.Module, per_batch: Any = None, per_epoch: Any = None
) -> list[tuple[float, ...]]:
    """Trains 40 steps; gives the learning rates at each."""
    used = []
    for step in range(40):
        optimizer.zero_grad()
        F.cross_entropy(model(torch.randn(8, 4)), torch.randint(0, 2, (8,))).backward()
        used.append(tuple(float(group["lr"]) for group in optimizer.param_groups))
        optimizer.step()
        if per_batch is not None:
            per_batch.step()
        if per_epoch is not None and step % BATCHES == BATCHES - 1:
            plateau = isinstance(per_epoch, lr_scheduler.ReduceLROnPlateau)
            per_epoch.step(1.0) if plateau else per_epoch.step()
    return used


@pytest.mark.parametrize("name", [*PER_BATCH, *PER_EPOCH])
def test_each_change_is_told_at_its_step(name: str) -> None:
    model = nn.Linear(4, 2)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    with watched(every=None, net=model) as context:
        if name in PER_BATCH:
            used = trained(optimizer, model, per_batch=PER_BATCH[name](optimizer))
        else:
            used = trained(optimizer, model, per_epoch=PER_EPOCH[name](optimizer))
    told = [(rate.step, rate.learning_rates) for rate in context.of(LearningRate)]
    final = tuple(group["lr"] for group in optimizer.param_groups)
    # what a scheduler set after the last step is told at the end, and was not in force any more
    assert told == [*changes(used), *([(40, final)] if final != used[-1] else [])]
    assert len(context.of(OptimizerFacts)) == 1


def test_several_groups_are_told_together() -> None:
    model = nn.Sequential(nn.Linear(4, 4), nn.Linear(4, 2))
    groups = [{"params": model[0].parameters(), "lr": 0.01}, {"params": model[1].parameters()}]
    optimizer = torch.optim.AdamW(groups, lr=0.1)
    with watched(every=None, net=model) as context:
        used = trained(optimizer, model, per_epoch=lr_scheduler.ExponentialLR(optimizer, 0.5))
    told = [(rate.step, rate.learning_rates) for rate in context.of(LearningRate)]
    assert told[:-1] == changes(used)
    assert told[0] == (1, (0.01, 0.1))


def test_a_learning_rate_that_is_a_tensor() -> None:
    model = nn.Linear(4, 2)
    optimizer = torch.optim.Adam(model.parameters(), lr=torch.tensor(0.5), foreach=False)
    with watched(every=None, net=model) as context:
        used = trained(optimizer, model, per_epoch=lr_scheduler.StepLR(optimizer, 2, 0.5))
    told = [(rate.step, rate.learning_rates) for rate in context.of(LearningRate)]
    assert told[: len(changes(used))] == changes(used)
    assert told[0] == (1, (0.5,)) and used[-1] < used[0]
