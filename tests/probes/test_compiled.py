"""Compiled models and compiled steps: neither broken up nor compiled again by watching."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from collapse_magic.probes.pytorch import TorchProbe
from collapse_magic.records import LayerStatistics, LossFacts, PredictionWindow, ProbeNote

from .fakes import FakeContext

pytestmark = pytest.mark.filterwarnings("ignore")  # the compiler's own


@pytest.fixture
def graphs() -> Iterator[list[int]]:
    """Compiles with a backend that counts the graphs it is given."""
    import torch._dynamo

    torch._dynamo.reset()
    seen: list[int] = []
    yield seen
    torch._dynamo.reset()


def counting(seen: list[int]):  # type: ignore[no-untyped-def]
    from torch._dynamo.backends.debugging import aot_eager

    def backend(module, inputs):  # type: ignore[no-untyped-def]
        seen.append(len(inputs))
        return aot_eager(module, inputs)

    return backend


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
