"""Parameters that are spread over processes: each looks at its own part, and asks nobody."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import torch
import torch.distributed as dist
import torch.nn.functional as F
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode

from collapse_magic.records import LayerStatistics, LossValues, ModelFacts

from .test_observed import watched

pytest.importorskip("torch.testing._internal.distributed.fake_pg")
pytestmark = pytest.mark.filterwarnings("ignore:FSDP2-wrapped module", "ignore:Full backward hook")


class Sent(TorchDispatchMode):
    """What is sent between processes, in order."""

    def __init__(self) -> None:
        super().__init__()
        self.operations: list[str] = []

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        if "c10d" in func.namespace:
            self.operations.append(str(func))
        return func(*args, **(kwargs or {}))


@pytest.fixture
def two_processes() -> Iterator[None]:
    """This process believes to be the first of two; what they say to each other is made up."""
    from torch.testing._internal.distributed.fake_pg import FakeStore

    dist.init_process_group("fake", store=FakeStore(), rank=0, world_size=2)
    yield
    dist.destroy_process_group()


def train() -> list[list[torch.Tensor]]:
    """This process's part of each gradient, step by step."""
    from torch.distributed.device_mesh import init_device_mesh
    from torch.distributed.fsdp import fully_shard

    torch.manual_seed(0)
    model = nn.Sequential(*(nn.Linear(8, 8) for _ in range(5)), nn.Linear(8, 4))
    fully_shard(model, mesh=init_device_mesh("cpu", (2,)))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    gradients = []
    for _ in range(6):
        optimizer.zero_grad()
        F.cross_entropy(model(torch.randn(16, 8)), torch.randint(0, 4, (16,))).backward()
        gradients.append([p.grad._local_tensor.clone() for p in model.parameters()])
        optimizer.step()
    return gradients


def test_watching_sends_nothing_between_processes(two_processes: None) -> None:
    """A process that asked for a whole tensor would wait for the others, which may not ask."""
    with Sent() as plain:
        train()
    with watched() as context, Sent() as sent:
        gradients = train()
    assert plain.operations and sent.operations == plain.operations
    assert sum(len(record.steps) for record in context.of(LossValues)) == 6
    assert context.of(ModelFacts)[0].layers[0].start == "random"
    looks = context.of(LayerStatistics)
    assert [look.step for look in looks] == [1, 2, 3, 4, 5, 6]
    for look, parts in zip(looks, gradients, strict=True):
        pairs = zip(parts[::2], parts[1::2], strict=True)
        expected = [torch.cat([w.reshape(-1), b.reshape(-1)]).norm().item() for w, b in pairs]
        assert look.gradient_norm == pytest.approx(expected, rel=1e-4)
