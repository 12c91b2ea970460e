"""One kernel for all tests of the magic: starting one and importing torch takes seconds."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from .kernel import Kernel

SETUP = """
%load_ext collapse_magic
import torch
from torch import nn
from torch.nn import functional as F

def data():
    torch.manual_seed(0)
    x = torch.randn(600, 2)
    y = (x[:, 0] + x[:, 1] > 0).long()
    return x, y

def train(model, x, y, steps=60, lr=0.1):
    optimizer = torch.optim.SGD(model.parameters(), lr=lr)
    for step in range(steps):
        i = step * 20 % 600
        optimizer.zero_grad()
        loss = F.cross_entropy(model(x[i:i + 20]), y[i:i + 20])
        loss.backward()
        optimizer.step()
    return float(loss.detach())

x, y = data()
"""


@pytest.fixture(scope="session")
def started_kernel(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kernel]:
    kernel = Kernel(tmp_path_factory.mktemp("kernel"))
    try:
        outcome = kernel.run(SETUP)
        assert outcome.status == "ok", outcome.errors or outcome.stderr
        yield kernel
    finally:
        kernel.close()


@pytest.fixture
def kernel(started_kernel: Kernel) -> Iterator[Kernel]:
    """The shared kernel; whatever a test did, nothing is left hooked or watched."""
    hooked = """(
        torch.autograd.backward.__module__, torch.autograd.grad.__module__,
        len(torch.optim.optimizer._global_optimizer_pre_hooks),
        len(torch.optim.optimizer._global_optimizer_post_hooks),
        'showtraceback' in get_ipython().__dict__,
        __import__('collapse_magic.session.current').session.current.active(),
    )"""
    before = started_kernel.value(hooked)
    yield started_kernel
    assert started_kernel.value(hooked) == before
