"""Small data and loops of the kinds that people train with."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn


def blobs(
    counts: Sequence[int] = (500, 500), distance: float = 3.0, features: int = 2, seed: int = 0
) -> tuple[Tensor, Tensor]:
    """Unit Gaussians along the diagonal, ``distance`` apart in each feature; labels int64."""
    generator = torch.Generator().manual_seed(seed)
    x = torch.cat(
        [
            torch.randn(count, features, generator=generator) + index * distance
            for index, count in enumerate(counts)
        ]
    )
    y = torch.cat([torch.full((count,), index) for index, count in enumerate(counts)])
    return x, y


def circles(count: int = 1000, seed: int = 0) -> tuple[Tensor, Tensor]:
    """Two rings around the origin, which no line separates; labels int64."""
    generator = torch.Generator().manual_seed(seed)
    y = torch.arange(count) % 2
    angle = torch.rand(count, generator=generator) * 6.2832
    radius = 1.0 + y + 0.15 * torch.randn(count, generator=generator)
    return torch.stack([radius * angle.cos(), radius * angle.sin()], dim=1), y


def mlp(outputs: int, width: int = 16, features: int = 2) -> nn.Sequential:
    return nn.Sequential(nn.Linear(features, width), nn.ReLU(), nn.Linear(width, outputs))


def column(y: Tensor) -> Tensor:
    """Labels (n,) as floating point (n, 1), as binary losses take them."""
    return y.float().unsqueeze(1)


def fit(
    model: nn.Module,
    loss: Callable[[Tensor, Tensor], Tensor],
    x: Tensor,
    y: Tensor,
    lr: float = 0.1,
    epochs: int = 20,
    batch: int = 50,
    optimizer: Callable[..., torch.optim.Optimizer] = torch.optim.SGD,
    shuffle: bool = True,
    schedule: Callable[[torch.optim.Optimizer], Any] | None = None,
) -> None:
    """The usual loop, a step per batch."""
    stepper = optimizer((p for p in model.parameters() if p.requires_grad), lr=lr)
    scheduler = schedule(stepper) if schedule else None
    for _ in range(epochs):
        order = torch.randperm(len(x)) if shuffle else torch.arange(len(x))
        for rows in order.split(batch):
            stepper.zero_grad()
            loss(model(x[rows]), y[rows]).backward()
            stepper.step()
            if scheduler is not None:
                scheduler.step()
