"""Compiled models and compiled steps: neither broken up nor compiled again by watching."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import pytest
import torch
import torch._dynamo
import torch.nn.functional as F
from torch import nn
from torch._dynamo.utils import counters

from collapse_magic.config import WatchConfig
from collapse_magic.probes.pytorch import TorchProbe
from collapse_magic.records import LayerStatistics, LossFacts, PredictionWindow, ProbeNote
from tests.probes.fakes import FakeContext

from .compiling import WARNS, counting

pytestmark = [pytest.mark.filterwarnings(f"ignore:{message}") for message in WARNS]


@pytest.fixture
def graphs() -> Iterator[list[int]]:
    """Filled by `counting` with the graphs that are compiled."""
    torch._dynamo.reset()
    yield []
    torch._dynamo.reset()


def train(model: nn.Module, compiled: nn.Module, steps: int) -> list[float]:
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    generator = torch.Generator().manual_seed(1)
    losses = []
    for _ in range(steps):
        x = torch.randn(8, 4, generator=generator)
        optimizer.zero_grad()
        loss = F.cross_entropy(compiled(x), (x[:, 0] > 0).long())
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses


def make() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 2))


def test_a_compiled_model_is_watched_without_compiling_anew(graphs: list[int]) -> None:
    plain_model = make()
    plain = train(plain_model, torch.compile(plain_model, backend=counting(graphs)), 6)
    assert len(graphs) == 1

    model = make()
    compiled = torch.compile(model, backend=counting(graphs))
    train(make(), compiled, 1)  # compiled before the watching begins
    before = len(graphs)
    model.load_state_dict(make().state_dict())
    context = FakeContext(namespace={"model": compiled})
    probe = TorchProbe(context)
    probe.attach()
    try:
        watched = train(model, compiled, 6)
        probe.flush()
    finally:
        probe.detach()
    assert watched == plain
    assert len(graphs) == before
    assert not context.of(ProbeNote)
    assert context.of(LossFacts)[0].model == "model"
    assert context.of(PredictionWindow)[0].samples == 48
    assert context.of(LayerStatistics)


def test_a_loss_inside_the_compiled_function_still_trains(graphs: list[int]) -> None:
    model = make()
    step = torch.compile(lambda x, y: F.cross_entropy(model(x), y), backend=counting(graphs))
    x, y = torch.randn(8, 4), torch.zeros(8).long()
    context = FakeContext(namespace={"model": model})
    probe = TorchProbe(context)
    probe.attach()
    try:
        for _ in range(3):
            step(x, y).backward()
        with torch.no_grad():
            step(x, y)
        probe.flush()
    finally:
        probe.detach()
    compiled = len(graphs)
    assert compiled <= 2  # one with gradients, one without
    step(x, y).backward()
    assert len(graphs) == compiled
    assert not context.of(ProbeNote)
    assert context.of(LossFacts)[0].loss == "custom"


def test_a_compiled_step_stays_as_it_was_compiled(graphs: list[int]) -> None:
    """Compiled before the watching, run under it, and run on afterwards."""
    model = make()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)

    def whole(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        loss = F.cross_entropy(model(x), y)
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        return loss.detach()

    step = torch.compile(whole, backend=counting(graphs))
    x, y = torch.randn(8, 4), torch.zeros(8).long()
    for _ in range(3):
        step(x, y)
    compiled, breaks = len(graphs), Counter(counters["graph_break"])
    context = FakeContext(namespace={"model": model}, config=WatchConfig(every=1))
    probe = TorchProbe(context)
    probe.attach()
    try:
        for _ in range(3):
            step(x, y)
        probe.flush()
    finally:
        probe.detach()
    step(x, y)
    assert len(graphs) == compiled
    assert Counter(counters["graph_break"]) == breaks  # none in our own functions either
    assert probe.steps == 3 and not context.of(ProbeNote)
    assert [look.step for look in context.of(LayerStatistics)] == [1, 2, 3]
