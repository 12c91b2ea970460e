"""How it is evaluated."""

from __future__ import annotations

import torch
import torch.nn.functional as F

from .account import Account, style
from .data import batches, classes, mlp
from .optimizing import fit


def _trained(log: Account) -> tuple[torch.nn.Module, torch.Tensor, torch.Tensor]:
    x, y = classes()
    model = mlp()
    fit(log, model, torch.optim.SGD(model.parameters(), lr=0.1), batches(x, y))
    return model.eval(), x, y


@style("loss under no_grad, per batch", "`with torch.no_grad(): criterion(model(x), y)` in a loop")
def loss_without_gradients(log: Account) -> None:
    model, x, y = _trained(log)
    criterion = torch.nn.CrossEntropyLoss(reduction="sum")
    with torch.no_grad():
        for batch, labels in batches(x, y):
            out = model(batch)
            log.printed.append(criterion(out, labels).item())
            log.evaluated(out, labels)
    log.result(model)


@style(
    "accuracy only",
    "`with torch.no_grad(): (model(x).argmax(1) == y).float().mean()`",
    unseen={"evaluation": "no loss is called that could be seen"},
)
def accuracy_only(log: Account) -> None:
    model, x, y = _trained(log)
    with torch.no_grad():
        out = model(x)
        log.printed.append((out.argmax(1) == y).float().mean().item())
        log.evaluated(out, y)
    log.result(model)


@style(
    "no_grad forgotten",
    "`model.eval(); F.cross_entropy(model(x), y).item()` with gradients on",
    unseen={"evaluation": "with gradients on, a loss counts when backward is called on it"},
)
def gradients_left_on(log: Account) -> None:
    model, x, y = _trained(log)
    out = model(x)
    log.printed.append(F.cross_entropy(out, y).item())
    log.evaluated(out, y)
    log.result(model)
