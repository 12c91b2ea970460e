"""one-class-batches: data in order of their classes, really trained."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from tests.rules.programs import blobs, column, fit, mlp
from tests.rules.training import Watched, watch


def trained(
    batches: Callable[[int], list[Tensor]],
    x: Tensor,
    y: Tensor,
    epochs: int = 6,
    rate: float = 0.02,
) -> Watched:
    """``batches`` gives the rows of each batch of an epoch; a loader marks where that ends."""
    model = mlp(int(y.max()) + 1, 32, x.shape[1])
    optimizer = torch.optim.Adam(model.parameters(), lr=rate)

    def train() -> None:
        for epoch in range(epochs):
            for rows in torch.utils.data.DataLoader(batches(epoch), batch_size=None):
                optimizer.zero_grad()
                nn.functional.cross_entropy(model(x[rows]), y[rows]).backward()
                optimizer.step()

    return watch(train)


def in_order(y: Tensor, size: int = 32) -> Callable[[int], list[Tensor]]:
    return lambda epoch: list(torch.arange(len(y)).split(size))


@pytest.mark.parametrize("classes", [2, 4])
def test_sorted_data(classes: int) -> None:
    x, y = blobs((800,) * classes, 0.4, features=4)
    watched = trained(in_order(y), x, y)
    finding = watched.first
    assert (finding.rule, finding.severity) == ("one-class-batches", "error")
    values = finding.evidence[1].values
    assert values["guessing"] == pytest.approx(1 / classes)
    assert values["found"] < values["guessing"]
    assert finding.evidence[0].values["single_class"] >= 0.8
    remedy = watched.engine.diagnosis(finding).remedy
    assert remedy is not None
    # 100 batches of 32 samples a pass
    assert (remedy.kind, remedy.values) == ("shuffle-data", {"samples": 800 * classes})
    assert {found.explained_by for found in watched.findings[1:]} <= {finding.rule}


def test_one_pass_over_sorted_data() -> None:
    x, y = blobs((800,) * 6, 0.4, features=4)
    assert trained(in_order(y), x, y, epochs=1).first.rule == "one-class-batches"


def test_shuffled_data_are_silent() -> None:
    x, y = blobs((800, 800), 0.6, features=4)
    watched = trained(lambda epoch: list(torch.randperm(len(y)).split(32)), x, y)
    assert "one-class-batches" in watched.engine.clear
    assert watched.alarms == {}


def test_a_first_pass_in_order_is_silent() -> None:
    x, y = blobs((400, 400, 400), 1.0, features=4)
    order = in_order(y)
    shuffled = torch.randperm(len(y), generator=torch.Generator().manual_seed(1))
    watched = trained(lambda epoch: list(shuffled.split(32)) if epoch else order(0), x, y, epochs=8)
    assert "one-class-batches" not in watched.ever


def test_an_order_that_does_no_harm_is_silent() -> None:
    """Classes so far apart that the inputs tell them wherever they stand."""
    x, y = blobs((400, 400), 6.0, features=4)
    assert "one-class-batches" not in trained(in_order(y), x, y, rate=1e-3).ever


def test_classes_in_turn_are_silent() -> None:
    """As a discriminator is shown real samples and made up ones."""
    x, y = blobs((640, 640), 0.2, features=4)
    halves = torch.arange(640).split(32), torch.arange(640, 1280).split(32)
    turns = [rows for pair in zip(*halves, strict=True) for rows in pair]
    assert "one-class-batches" not in trained(lambda epoch: turns, x, y).ever


def test_small_batches_are_silent() -> None:
    x, y = blobs((300, 300), 0.4)
    loss = nn.BCEWithLogitsLoss()
    watched = watch(lambda: fit(mlp(1), loss, x, column(y), epochs=4, batch=4, shuffle=False))
    assert "one-class-batches" not in watched.ever
