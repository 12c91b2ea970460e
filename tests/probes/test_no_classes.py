"""Targets that look like classes and are none: only the value of the loss is recorded."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from collapse_magic.records import LossFacts, LossValues, PredictionWindow

from .test_observed import watched as watched_in_time
from .watched import watched

BATCHES = (16, 16, 16, 16, 10)  # the last one of a data set is mostly smaller
Contrast = Callable[[Tensor], Tensor]


def ready_made(z: Tensor) -> Tensor:
    return F.cross_entropy(z, torch.arange(len(z)))


def pairs(z: Tensor) -> Tensor:
    half = len(z) // 2
    return F.cross_entropy(z, torch.arange(len(z)).roll(half))


def picked(z: Tensor) -> Tensor:
    rows = torch.arange(len(z))
    return -z.log_softmax(1)[rows, rows].mean()


def one_hot(z: Tensor) -> Tensor:
    return -(torch.eye(len(z)) * z.log_softmax(1)).sum(1).mean()


def each_pair(z: Tensor) -> Tensor:
    return F.binary_cross_entropy_with_logits(z, torch.eye(len(z)))


@pytest.mark.parametrize("contrast", [ready_made, pairs, picked, one_hot, each_pair])
@pytest.mark.parametrize("last", [10, 16])
def test_samples_of_the_batch_are_no_classes(contrast: Contrast, last: int) -> None:
    torch.manual_seed(0)
    model = nn.Linear(6, 4)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    values = []
    with watched() as context:
        for size in (*BATCHES[:-1], last):
            x = torch.randn(size, 6)
            loss = contrast(model(x) @ model(x + 0.1).t())
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            values.append(loss.item())
    assert {facts.task for facts in context.of(LossFacts)} == {"unknown"}
    assert not context.of(PredictionWindow)
    assert [v for record in context.of(LossValues) for v in record.values] == values


def test_places_in_a_sequence_are_no_classes() -> None:
    """Which token is the answer: there are as many as the longest text of the batch has."""
    torch.manual_seed(0)
    model = nn.Linear(6, 1)
    with watched_in_time(clock=lambda: 0.0) as context:  # nothing is told before the end
        for length in (12, 9, 14, 9, 12):
            z = model(torch.randn(8, length, 6)).squeeze(2)
            F.cross_entropy(z, torch.randint(0, length, (8,))).backward()
            with torch.no_grad():
                F.cross_entropy(z, torch.randint(0, length, (8,)))
    assert context.of(LossFacts)[-1].task == "unknown"
    assert len({record.site for record in context.of(LossFacts)}) == 1
    assert not context.of(PredictionWindow)


def test_a_few_classes_that_happen_to_be_in_order_are_classes() -> None:
    """Batches that hold every class once, as a sampler may draw them."""
    torch.manual_seed(0)
    model = nn.Linear(6, 10)
    with watched() as context:
        for _ in range(4):
            F.cross_entropy(model(torch.randn(10, 6)), torch.randperm(10)).backward()
    assert sum(window.samples for window in context.of(PredictionWindow)) == 40
