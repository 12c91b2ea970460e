"""The short way of a counted batch: it sees what the long one sees, and gives way where it must."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from collapse_magic.probes.pytorch import probe as torch_probe
from collapse_magic.probes.pytorch.lanes import Lane
from collapse_magic.records import LossValues, NonFinite, PredictionWindow

from .watched import watched

Loss = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]


def train(sizes: list[int], loss: Loss = F.cross_entropy, outputs: int = 3) -> list[Any]:
    """Records of a training on batches of these sizes."""
    torch.manual_seed(0)
    model = nn.Linear(4, outputs)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    with watched(every=None, model=model, optimizer=optimizer) as context:
        for size in sizes:
            x = torch.randn(size, 4)
            y = torch.arange(size) % 3 if outputs > 1 else (x[:, :1] > 0).float()
            optimizer.zero_grad()
            loss(model(x), y).backward()
            optimizer.step()
    return context.of(PredictionWindow) + context.of(LossValues)


@pytest.fixture
def taken(monkeypatch: pytest.MonkeyPatch) -> Counter[bool]:
    """How many batches went the short way, and how many that were tried there did not."""
    counts: Counter[bool] = Counter()
    original = Lane.take

    def take(self: Lane, *arguments: Any) -> bool:
        done = original(self, *arguments)
        counts[done] += 1
        return done

    monkeypatch.setattr(Lane, "take", take)
    return counts


@pytest.mark.parametrize(
    ("loss", "outputs"),
    [(F.cross_entropy, 3), (F.binary_cross_entropy_with_logits, 1), (F.mse_loss, 1)],
)
def test_both_ways_see_the_same(
    loss: Loss, outputs: int, taken: Counter[bool], monkeypatch: pytest.MonkeyPatch
) -> None:
    sizes = [8] * 20 + [5] + [8] * 10
    short = train(sizes, loss, outputs)
    assert taken[True] >= 25 and taken[False] >= 1
    monkeypatch.setattr(torch_probe, "lane_of", lambda *_: None)
    long = train(sizes, loss, outputs)
    assert short and repr(short) == repr(long)  # a nan is not equal to itself


def test_another_model_at_the_same_place_is_not_taken_for_the_one_before() -> None:
    torch.manual_seed(0)
    models = [nn.Linear(4, 2), nn.Linear(4, 2)]
    optimizers = [torch.optim.SGD(model.parameters(), lr=0.1) for model in models]
    labels = [torch.zeros(8, dtype=torch.long), torch.ones(8, dtype=torch.long)]
    with watched(every=None, models=models) as context:
        for step in range(40):
            which = step // 5 % 2
            optimizers[which].zero_grad()
            F.cross_entropy(models[which](torch.randn(8, 4)), labels[which]).backward()
            optimizers[which].step()
    counts: dict[str, Counter[int]] = {}
    for window in context.of(PredictionWindow):
        counts.setdefault(window.site, Counter()).update(dict(enumerate(window.labels)))
    assert sorted(tuple(sorted(+count)) for count in counts.values()) == [(0,), (1,)]
    assert [count.total() for count in counts.values()] == [160, 160]


def test_a_loss_that_is_not_finite_goes_the_long_way(taken: Counter[bool]) -> None:
    model = nn.Linear(4, 2)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    with watched(every=None, model=model) as context:
        for step in range(12):
            x = torch.full((8, 4), math.nan if step == 9 else 1.0)
            optimizer.zero_grad()
            F.cross_entropy(model(x), torch.arange(8) % 2).backward()
            if step != 9:
                optimizer.step()
    assert taken[True] > 5 and taken[False] == 1
    assert [(found.place, found.value) for found in context.of(NonFinite)] == [("input", "nan")]


def test_what_is_kept_are_copies() -> None:
    torch.manual_seed(0)
    model = nn.Linear(4, 2)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.0)
    labels = torch.zeros(8, dtype=torch.long)
    with watched(every=None, model=model) as context:
        for step in range(30):
            labels.fill_(step % 2)  # the same memory for every batch
            scores = model(torch.randn(8, 4))
            loss = F.cross_entropy(scores, labels)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            with torch.no_grad():
                scores.fill_(0.0)
    windows = context.of(PredictionWindow)
    assert [sum(w.labels[c] for w in windows) for c in (0, 1)] == [120, 120]
    assert all(window.spread > 0 for window in windows)
