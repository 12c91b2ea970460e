"""Small data with something to learn in it, and small models; importable by loader workers."""

from __future__ import annotations

import sys
from collections.abc import Iterator

import torch
import torch.nn.functional as F
from torch import nn
from torch.utils.data import (
    DataLoader,
    Dataset,
    IterableDataset,
    TensorDataset,
    get_worker_info,
)

SAMPLES, FEATURES, CLASSES, BATCH = 96, 6, 3, 16


def classes(n: int = SAMPLES) -> tuple[torch.Tensor, torch.Tensor]:
    """x (n, 6) and labels (n,) in 0..2, the place of the largest of the first three features."""
    x = torch.randn(n, FEATURES)
    return x, x[:, :CLASSES].argmax(1)


def two_classes(n: int = SAMPLES) -> tuple[torch.Tensor, torch.Tensor]:
    """x (n, 6) and labels (n, 1), 0.0 or 1.0."""
    x = torch.randn(n, FEATURES)
    return x, (x[:, :1] > 0).float()


def loader(x: torch.Tensor, y: torch.Tensor, **options: object) -> DataLoader[tuple[object, ...]]:
    options.setdefault("shuffle", True)
    return DataLoader(TensorDataset(x, y), batch_size=BATCH, **options)  # type: ignore[arg-type]


def batches(x: torch.Tensor, y: torch.Tensor) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
    """Batches cut by hand, without a loader."""
    for at in range(0, len(x), BATCH):
        yield x[at : at + BATCH], y[at : at + BATCH]


def mlp(outputs: int = CLASSES) -> nn.Module:
    return nn.Sequential(
        nn.Linear(FEATURES, 16), nn.ReLU(), nn.Dropout(0.1), nn.Linear(16, outputs)
    )


class Rows(Dataset[tuple[torch.Tensor, torch.Tensor]]):
    """A data set that computes a loss and its gradient for each sample, in a loader's workers.

    What is watched is the cell, not its workers: there nothing may stand in torch's place.
    """

    def __init__(self) -> None:
        self.x, self.y = classes()

    def __len__(self) -> int:
        return len(self.x)

    def __getitem__(self, index: int) -> tuple[torch.Tensor, torch.Tensor]:
        if get_worker_info() is not None:
            assert "collapse_magic" not in torch.autograd.backward.__code__.co_filename
            assert not sys.modules["torch.optim.optimizer"]._global_optimizer_pre_hooks
        weight = torch.zeros(CLASSES, FEATURES, requires_grad=True)
        F.cross_entropy(self.x[index] @ weight.T, self.y[index]).backward()
        with torch.no_grad():
            F.cross_entropy(self.x[index] @ weight.T, self.y[index])
        return self.x[index], self.y[index]


class Stream(IterableDataset[tuple[torch.Tensor, torch.Tensor]]):
    """Samples one after another, of unknown number."""

    def __init__(self) -> None:
        self.x, self.y = classes()

    def __iter__(self) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
        return iter(zip(self.x, self.y, strict=True))
