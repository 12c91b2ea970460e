"""Passes over a loader's data: what counts as an epoch, and what does not."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

import torch
import torch.nn.functional as F
from torch import nn
from torch.utils.data import DataLoader, Sampler, TensorDataset

from collapse_magic.config import WatchConfig
from collapse_magic.probes.pytorch import TorchProbe
from collapse_magic.records import EpochEnded, ProbeNote

from .fakes import FakeContext


class Training:
    """A model to be trained on batches, under a probe."""

    def __init__(self) -> None:
        self.context = FakeContext(config=WatchConfig(budget=1e6))
        self.model = nn.Linear(2, 3)
        self.optimizer = torch.optim.SGD(self.model.parameters(), lr=0.1)
        self.probe = TorchProbe(self.context)

    def __enter__(self) -> Training:
        self.probe.attach()
        return self

    def __exit__(self, *_: object) -> None:
        self.probe.flush()
        self.probe.detach()
        assert self.context.of(ProbeNote) == []

    def step(self, batch: list[torch.Tensor]) -> None:
        F.cross_entropy(self.model(batch[0]), batch[1]).backward()
        self.optimizer.step()

    @property
    def epochs(self) -> list[tuple[int, int]]:
        return [(record.epoch, record.step) for record in self.context.of(EpochEnded)]


def data(n: int = 12, **options: object) -> DataLoader[tuple[torch.Tensor, ...]]:
    pairs = TensorDataset(torch.randn(n, 2), torch.randint(0, 3, (n,)))
    return DataLoader(pairs, batch_size=4, **options)  # type: ignore[arg-type]


def test_a_loop_that_counts_the_batches_itself_never_asks_for_one_too_many() -> None:
    loader = data()
    with Training() as training:
        for _ in range(2):
            batches = iter(loader)
            for _ in range(len(loader)):
                training.step(next(batches))
    assert training.epochs == [(1, 3), (2, 6)]


def test_a_batch_that_is_fetched_ahead_belongs_to_its_epoch() -> None:
    loader = data()
    with Training() as training:
        for _ in range(2):
            batches = iter(loader)
            batch = next(batches, None)
            while batch is not None:
                ahead = next(batches, None)
                training.step(batch)
                batch = ahead
    assert training.epochs == [(1, 3), (2, 6)]


def test_passes_that_are_left_half_way_are_none() -> None:
    loader = data()
    with Training() as training:
        for _ in range(3):
            for batch in islice(loader, 2):
                training.step(batch)
        for batch in loader:
            training.step(batch)
    assert training.epochs == [(1, 9)]


def test_validation_within_an_epoch_is_no_epoch() -> None:
    loader, held_out = data(), data(8)
    with Training() as training:
        for batch in loader:
            training.step(batch)
            for x, _ in held_out:
                training.model(x)
    assert training.epochs == [(1, 3)]


def test_data_made_anew_for_each_epoch_is_one_data_set() -> None:
    with Training() as training:
        for _ in range(3):
            for batch in data():
                training.step(batch)
    assert [epoch for epoch, _ in training.epochs] == [1, 2, 3]


def test_two_loaders_side_by_side_make_one_count() -> None:
    labelled, unlabelled = data(), data()
    with Training() as training:
        for _ in range(2):
            for batch, _ in zip(labelled, unlabelled, strict=True):
                training.step(batch)
    assert [epoch for epoch, _ in training.epochs] == [1, 2]


class Drawn(Sampler[int]):
    """Draws its indices to tell how many there are."""

    def __iter__(self) -> Iterator[int]:
        return iter(torch.randperm(12).tolist())

    def __len__(self) -> int:
        return len(list(iter(self)))


def test_a_sampler_of_the_users_is_not_asked_for_its_length() -> None:
    torch.manual_seed(0)
    plain = [x.tolist() for x, _ in data(sampler=Drawn())]
    torch.manual_seed(0)
    with Training() as training:
        torch.manual_seed(0)
        watched = []
        for x, y in data(sampler=Drawn()):
            watched.append(x.tolist())
            training.step([x, y])
    assert watched == plain
    assert training.epochs == [(1, 3)]
