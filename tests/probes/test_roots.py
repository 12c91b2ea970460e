"""What backward is called with: several losses, weighted ones, multiples of one."""

from __future__ import annotations

import os

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from collapse_magic.config import WatchConfig
from collapse_magic.probes.pytorch import TorchProbe
from collapse_magic.records import LossValues, ProbeNote

from .fakes import FakeContext

X, Y = torch.randn(8, 4), torch.tensor([0, 1, 2, 0, 1, 2, 0, 0])


def watched(train, **variables: object) -> FakeContext:  # type: ignore[no-untyped-def]
    context = FakeContext(variables, WatchConfig(budget=1e6))
    probe = TorchProbe(context)
    probe.attach()
    try:
        train()
        probe.flush()
    finally:
        probe.detach()
    assert context.of(ProbeNote) == []
    return context


def test_two_losses_of_one_model_in_a_list_are_two_sites() -> None:
    model = nn.Linear(4, 3)

    def train() -> None:
        out = model(X)
        torch.autograd.backward([F.cross_entropy(out, Y), F.mse_loss(out, F.one_hot(Y, 3) * 1.0)])

    assert {v.site for v in watched(train).of(LossValues)} == {"cross_entropy", "mse"}


def test_gradients_that_come_from_elsewhere_are_no_loss() -> None:
    model = nn.Linear(4, 3)

    def train() -> None:
        model(X).backward(gradient=torch.ones(8, 3))

    assert watched(train).records == []


@pytest.mark.parametrize("factor", [torch.tensor(8.0), nn.Parameter(torch.tensor(8.0)), 8.0])
def test_a_factor_that_is_no_scalers_stays_in_the_loss(factor: torch.Tensor | float) -> None:
    model = nn.Linear(4, 3)
    scaler = torch.amp.GradScaler("cpu", init_scale=8.0)
    scaler.scale(torch.ones(()))  # it has a scale of its own, and of the same size
    values: list[float] = []

    def train() -> None:
        loss = F.cross_entropy(model(X), Y) * factor
        values.append(loss.item())
        loss.backward()

    (told,) = watched(train, scaler=scaler).of(LossValues)
    assert list(told.values) == values


def test_a_scale_is_told_from_the_loss_after_it_was_changed() -> None:
    model = nn.Linear(4, 3)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    scaler = torch.amp.GradScaler("cpu", init_scale=8.0, growth_interval=1)
    values: list[float] = []

    def train() -> None:
        for _ in range(4):
            loss = F.cross_entropy(model(X), Y)
            values.append(loss.item())
            scaler.scale(loss).backward()
            scaler.step(optimizer)
            scaler.update()

    (told,) = watched(train, scaler=scaler).of(LossValues)
    assert list(told.values) == values and scaler.get_scale() == 128.0


@pytest.mark.skipif(not hasattr(os, "fork"), reason="forks")
def test_a_forked_process_does_not_watch() -> None:
    original = torch.autograd.backward
    codes: list[int] = []

    def train() -> None:
        child = os.fork()
        if child == 0:
            os._exit(0 if torch.autograd.backward is original else 1)
        codes.append(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
        assert torch.autograd.backward is not original

    watched(train)
    assert codes == [0]
