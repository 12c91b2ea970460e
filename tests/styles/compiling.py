"""Compiled code."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F

from .account import Account, style
from .data import batches, classes, mlp

ONLY_ITS_VALUE = {"predictions": "the compiled graph keeps what the loss was given to itself"}
WARNS = (
    "The .grad attribute of a Tensor that is not a leaf",
    "`torch.jit.\\w+` is deprecated",
)


def counting(graphs: list[int]) -> Any:
    """A backend that runs the graphs as they are and counts them."""
    from torch._dynamo.backends.debugging import aot_eager

    def backend(module: Any, inputs: Any) -> Any:
        graphs.append(len(inputs))
        return aot_eager(module, inputs)

    return backend


@style("compiled model", "`model = torch.compile(model)`, the loss outside")
def compiled_model(log: Account) -> None:
    torch._dynamo.reset()
    inner = mlp()
    model = torch.compile(inner, backend=counting(log.graphs))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    x, y = classes()
    for batch, labels in batches(x, y):
        out = model(batch)
        loss = F.cross_entropy(out, labels)
        log.batch(loss, out, labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        log.step()
    inner.eval()
    with torch.no_grad():
        out = model(x)
        log.printed.append(F.cross_entropy(out, y).item())
        log.evaluated(out, y)
    torch._dynamo.reset()
    log.result(inner)


@style(
    "compiled model with its loss",
    "`step = torch.compile(lambda x, y: F.cross_entropy(model(x), y)); step(x, y).backward()`",
    unseen=ONLY_ITS_VALUE,
)
def compiled_loss(log: Account) -> None:
    torch._dynamo.reset()
    model = mlp().eval()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)

    def objective(x: torch.Tensor, y: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        out = model(x)
        return F.cross_entropy(out, y), out.detach()

    compiled = torch.compile(objective, backend=counting(log.graphs))
    for batch, labels in batches(*classes()):
        loss, out = compiled(batch, labels)
        log.batch(loss, out, labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        log.step()
    torch._dynamo.reset()
    log.result(model)


@style(
    "compiled step",
    "`@torch.compile def step(x, y): ...; loss.backward(); optimizer.step()`",
    unseen=ONLY_ITS_VALUE,
    warns=WARNS,
)
def compiled_step(log: Account) -> None:
    torch._dynamo.reset()
    model = mlp().eval()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)

    def whole(x: torch.Tensor, y: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        optimizer.zero_grad()
        out = model(x)
        loss = F.cross_entropy(out, y)
        loss.backward()
        optimizer.step()
        return loss.detach(), out.detach()

    step = torch.compile(whole, backend=counting(log.graphs))
    for batch, labels in batches(*classes()):
        loss, out = step(batch, labels)
        log.batch(loss, out, labels)
        log.step()
    torch._dynamo.reset()
    log.result(model)
