"""Everything that watching replaces or adds, and training programs to tell whether it shows."""

from __future__ import annotations

import gc
import sys
import threading
from typing import Any

import torch
import torch.nn.functional as F
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from tests.probes.programs import Outcome


def replaced() -> dict[str, Any]:
    """Every object that watching replaces, and the hooks it registers, as they stand now."""
    optimizer = sys.modules["torch.optim.optimizer"]
    iterator = sys.modules["torch.utils.data.dataloader"]._BaseDataLoaderIter
    return {
        **{f"nn.{name}": value for name, value in vars(torch._C._nn).items()},
        **{f"F.{name}": value for name, value in vars(F).items()},
        "bce": torch.binary_cross_entropy_with_logits,
        "backward": torch.autograd.backward,
        "grad": torch.autograd.grad,
        "next": vars(iterator)["__next__"],
        "before": tuple(optimizer._global_optimizer_pre_hooks.values()),
        "after": tuple(optimizer._global_optimizer_post_hooks.values()),
        "finders": tuple(sys.meta_path),
    }


def changed(before: dict[str, Any]) -> list[str]:
    """Names of what is not as it was."""
    now = replaced()
    assert now.keys() == before.keys()
    return [
        name
        for name, value in before.items()
        if now[name] is not value and not (isinstance(value, tuple) and now[name] == value)
    ]


def our_objects() -> int:
    """Objects of the package's own classes that are alive, its modules' own aside."""
    gc.collect()
    ours = sum(
        str(type(thing).__module__).startswith("collapse_magic") for thing in gc.get_objects()
    )
    return ours + sum(thread.name.startswith("collapse-magic") for thread in threading.enumerate())


def short(steps: int = 6) -> Outcome:
    """A double softmax, a DataLoader, dropout and a validation: most of what is looked at."""
    x, y = torch.randn(24, 6), torch.randint(0, 3, (24,))
    model = nn.Sequential(
        nn.Linear(6, 8), nn.ReLU(), nn.Dropout(0.3), nn.Linear(8, 3), nn.Softmax(1)
    )
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    loader = DataLoader(TensorDataset(x, y), batch_size=8, shuffle=True)
    losses: list[float] = []
    while len(losses) < 4 * steps // 3:
        for batch, labels in loader:
            optimizer.zero_grad()
            loss = F.cross_entropy(model(batch), labels)
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
        with torch.no_grad():
            losses.append(F.cross_entropy(model(x), y).item())
    return {"losses": losses, "weights": [p.detach().clone() for p in model.parameters()]}
