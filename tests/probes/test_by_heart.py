"""``--probe``: a copy of the model learns one batch by heart, and nothing of the user's changes."""

from __future__ import annotations

import gc
import random
import threading
import weakref
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

from collapse_magic.config import WatchConfig
from collapse_magic.probes.pytorch import TorchProbe
from collapse_magic.records import BatchTried, ProbeNote

from .fakes import FakeContext

X = torch.randn(64, 4, generator=torch.Generator().manual_seed(0))
OF_SIGNS = ((X[:, 0] > 0) ^ (X[:, 1] > 0)).long()  # no straight line separates them


class Net(nn.Module):
    def __init__(self, width: int = 32) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.Linear(4, width), nn.BatchNorm1d(width), nn.Tanh())
        self.drop = nn.Dropout(0.5)
        self.head = nn.Linear(width, 2)
        self.interrupted = False

    def forward(self, batch: dict[str, torch.Tensor], *, scale: float = 1.0) -> torch.Tensor:
        if self.interrupted:
            raise KeyboardInterrupt
        return self.head(self.drop(self.body(batch["x"] * scale)))


def seed() -> None:
    torch.manual_seed(0)
    np.random.seed(0)
    random.seed(0)


def states() -> tuple[Any, ...]:
    return torch.get_rng_state().tolist(), random.getstate(), np.random.get_state()[1].tolist()  # type: ignore[index]


def train(model: nn.Module, given: Any = None, *, probe: bool = True) -> tuple[list[str], Any]:
    """Three steps; what is said of the copy, and everything that training came to."""
    context = FakeContext({"model": model}, WatchConfig(probe=probe))
    watching = TorchProbe(context)
    watching.attach()
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    losses = []
    for i in range(3):
        x, y = X[16 * i : 16 * i + 16], OF_SIGNS[16 * i : 16 * i + 16]
        optimizer.zero_grad()
        loss = F.cross_entropy(model(x) if given is None else model({"x": x}, **given), y)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    if isinstance(model, Net) and getattr(model, "to_be_interrupted", False):
        model.interrupted = True
    watching.flush()
    watching.detach()
    weights = [p.detach().clone() for p in (*model.parameters(), *model.buffers())]
    notes = [note.text for note in context.of(ProbeNote)]
    return notes, (losses, [w.tolist() for w in weights], model.training, states())


def test_a_model_that_can_learn_does_and_stays_as_it_is() -> None:
    seed()
    notes, tried = train(Net(), {"scale": 2.0})
    (note,) = notes
    assert note.startswith("--probe: a copy of model learned one batch of 16 by heart in ")
    assert note.endswith(" steps: the model can learn")
    seed()
    silent, plain = train(Net(), {"scale": 2.0}, probe=False)
    assert silent == [] and tried == plain


def test_a_model_that_is_too_small_does_not_learn() -> None:
    seed()
    (note,), _ = train(nn.Sequential(nn.Linear(4, 1), nn.Linear(1, 2)))
    assert "did not learn one batch of 16 by heart" in note and "too small" in note


def tried(x: torch.Tensor, y: torch.Tensor, model: nn.Module) -> BatchTried:
    """The record of one step and the trial after it."""
    seed()
    context = FakeContext({"model": model}, WatchConfig(probe=True))
    watching = TorchProbe(context)
    watching.attach()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    F.cross_entropy(model(x), y).backward()
    optimizer.step()
    watching.flush()
    watching.detach()
    (record,) = context.of(BatchTried)
    return record


def test_what_was_tried_is_a_record() -> None:
    found = tried(X[:16], OF_SIGNS[:16], nn.Sequential(nn.Linear(4, 1), nn.Linear(1, 2)))
    assert (found.model, found.step, found.samples, found.learned) == ("model", 1, 16, False)
    assert (found.steps, found.parameters, found.unreached) == (300, 4, 0)
    assert 0.5 <= found.right < found.possible == 1.0


def test_of_equal_samples_only_one_answer_can_be_right() -> None:
    x = torch.cat([X[:4], X[:4], X[:4], X[4:8]])
    y = torch.tensor([0, 1, 0, 1, 1, 0, 1, 0, 0, 1, 0, 1, 0, 1, 0, 1])
    found = tried(x, y, nn.Sequential(nn.Linear(4, 32), nn.Tanh(), nn.Linear(32, 2)))
    assert found.possible == found.right == 12 / 16
    assert not found.learned


def test_parameters_that_nothing_reaches_are_counted() -> None:
    class Cut(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.body, self.head = nn.Linear(4, 1), nn.Linear(1, 2)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            out: torch.Tensor = self.head(self.body(x).detach())
            return out

    seed()
    (note,), _ = train(Cut())
    assert "2 of 4 parameters got no gradient" in note


def test_hooks_of_the_users_do_not_see_the_copy() -> None:
    seed()
    seen: list[object] = []
    model = nn.Linear(4, 2)
    model.register_forward_hook(lambda *_: seen.append(0))
    train(model)
    assert len(seen) == 3


def test_a_model_that_cannot_be_copied_is_told() -> None:
    seed()
    model = nn.Linear(4, 2)
    model.lock = threading.Lock()  # type: ignore[assignment]
    (note,), _ = train(model)
    assert note.startswith("--probe: no batch could be tried: TypeError: ")


def test_ctrl_c_ends_the_trial_and_nothing_else() -> None:
    seed()
    model = Net()
    model.to_be_interrupted = True  # type: ignore[assignment]
    assert train(model, {})[0] == ["--probe: interrupted"]


def test_nothing_is_tried_when_the_cell_was_ended_by_ctrl_c() -> None:
    seed()
    model = nn.Linear(4, 2)
    context = FakeContext({"model": model}, WatchConfig(probe=True))
    watching = TorchProbe(context)
    watching.attach()
    F.cross_entropy(model(X[:16]), OF_SIGNS[:16]).backward()
    assert watching.explain(KeyboardInterrupt()) is None
    watching.flush()
    watching.detach()
    (note,) = context.of(ProbeNote)
    assert note.text == "--probe: no batch could be tried: the cell was interrupted"


@pytest.mark.parametrize("probe", [True, False])
def test_nothing_is_kept_alive(probe: bool) -> None:
    seed()
    model = Net()
    before = bool(torch.nn.modules.module._has_any_global_hook())
    train(model, {}, probe=probe)
    gone = weakref.ref(model)
    del model
    gc.collect()
    assert gone() is None
    assert bool(torch.nn.modules.module._has_any_global_hook()) == before
