"""The first steps of a deep model: what is looked at is bounded, and comes right all the same."""

from __future__ import annotations

import itertools
import math
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from collapse_magic.config import WatchConfig
from collapse_magic.probes.pytorch import TorchProbe, inspection, layers, names, norms, wiring
from collapse_magic.probes.pytorch.tree import Tree
from collapse_magic.records import (
    LayerStatistics,
    LossValues,
    ModelFacts,
    PredictionWindow,
    Wiring,
)

from .fakes import FakeContext

LAYERS = 150
SAMPLED = 32
STEP_SECONDS = 0.01


class Ticking:
    """A clock that goes on by 300 us whenever it is asked, and by 10 ms at every step."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        self.now += 3e-4
        return self.now


def deep() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(*[nn.Linear(4, 4) for _ in range(LAYERS - 1)], nn.Linear(4, 3))


def train(
    model: nn.Module,
    steps: int,
    every: int | None = None,
    before_step: Callable[[], None] = lambda: None,
) -> FakeContext:
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    x, y = torch.randn(8, 4), torch.arange(8) % 3
    clock = Ticking()
    context = FakeContext({"model": model}, WatchConfig(every=every), clock=clock)
    probe = TorchProbe(context)
    probe.attach()
    for _ in range(steps):
        optimizer.zero_grad()
        F.cross_entropy(model(x), y).backward()
        before_step()
        optimizer.step()
        clock.now += STEP_SECONDS
    probe.flush()
    probe.detach()
    return context


def counted(
    monkeypatch: pytest.MonkeyPatch, owner: Any, name: str, counts: Counter[str], items: bool
) -> None:
    """Count the calls of a function, or the items of what it is given first."""
    original = getattr(owner, name)

    def stand_in(*arguments: Any) -> Any:
        counts[name] += len(arguments[0]) if items else 1
        return original(*arguments)

    monkeypatch.setattr(owner, name, stand_in)


def test_the_first_steps_go_over_a_deep_model_a_few_times_only(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    counts: Counter[str] = Counter()
    counted(monkeypatch, norms, "flat", counts, items=True)
    counted(monkeypatch, names, "Tree", counts, items=False)
    counted(monkeypatch, inspection, "survey", counts, items=False)
    counted(monkeypatch, wiring.Wirings, "_wirings", counts, items=False)
    context = train(deep(), steps=31)
    # Looks after steps 1 and 31: gradients, and weights before and after, two of each layer.
    assert [record.step for record in context.of(LayerStatistics)] == [1, 31]
    assert counts["flat"] == 2 * 3 * 2 * SAMPLED
    assert counts["survey"] == 1
    assert counts["_wirings"] == 1
    assert counts["Tree"] <= 2
    (wired,) = context.of(Wiring)
    assert (wired.trainable.tensors, wired.untrained.tensors, wired.unreached.tensors) == (
        2 * LAYERS,
        0,
        0,
    )
    (facts,) = context.of(ModelFacts)
    assert [layer.start for layer in facts.layers] == ["random"] * LAYERS
    assert facts.last_layer == str(LAYERS - 1)


def test_of_a_deep_model_one_batch_in_four_is_counted_till_the_first_steps_are_over() -> None:
    steps = [s for record in train(deep(), steps=60).of(LossValues) for s in record.steps]
    assert steps[:8] == list(range(1, 9))
    assert 3 <= sum(8 < step <= 30 for step in steps) <= 10
    later = [step for step in steps if step > 37]
    assert later == list(range(later[0], 61))


def test_a_model_of_fewer_layers_is_looked_at_more_often() -> None:
    model = nn.Sequential(*[nn.Linear(4, 4) for _ in range(20)], nn.Linear(4, 3))
    context = train(model, 30)
    assert [record.step for record in context.of(LayerStatistics)] == [1, 2, 3, 6]
    assert [s for r in context.of(LossValues) for s in r.steps] == list(range(1, 31))


def test_a_tree_holds_as_long_as_the_same_parameters_are_registered() -> None:
    model = nn.Sequential(nn.Linear(2, 2), nn.ReLU(), nn.Linear(2, 2))
    known = Tree(model)
    assert known.holds()
    kept, model[0].bias = model[0].bias, nn.Parameter(torch.zeros(2))
    assert not known.holds()
    model[0].bias = kept
    assert known.holds()
    model[1].register_parameter("scale", nn.Parameter(torch.ones(1)))
    assert not known.holds() and Tree(model).holds()
    known = Tree(model)
    model.append(nn.Identity())
    assert not known.holds()


def test_the_first_looks_see_layers_spread_over_the_depth_and_later_ones_all() -> None:
    model = deep()
    expected: list[list[float]] = []

    def note() -> None:
        squares = ([float(p.grad.double().square().sum()) for p in la.parameters()] for la in model)
        expected.append([math.sqrt(sum(both)) for both in squares])

    looks = train(model, 5, every=1, before_step=note).of(LayerStatistics)
    assert [look.step for look in looks] == [1, 2, 3, 4, 5]
    for look, norms_now in zip(looks, expected, strict=True):
        seen = [i for i, norm in enumerate(look.gradient_norm) if not math.isnan(norm)]
        if look.step == 5:
            assert seen == list(range(LAYERS))
        else:
            assert len(seen) == SAMPLED and seen[0] == 0 and seen[-1] == LAYERS - 1
            assert max(b - a for a, b in itertools.pairwise(seen)) <= 5
        got = [look.gradient_norm[i] for i in seen]
        assert got == pytest.approx([norms_now[i] for i in seen], rel=1e-5)
        for values in (look.weight_norm, look.update_ratio):
            assert [i for i, value in enumerate(values) if not math.isnan(value)] == seen


def test_a_shallow_model_is_looked_at_whole_from_the_first_step() -> None:
    model = nn.Sequential(nn.Linear(4, 4), nn.ReLU(), nn.Linear(4, 3))
    first = train(model, 1).of(LayerStatistics)[0]
    assert len(first.gradient_norm) == 2 and not any(map(math.isnan, first.gradient_norm))
    assert layers.ModelLook("m", [], set()).share == 1.0


def test_what_is_wired_wrongly_is_handed_on_with_the_third_step() -> None:
    model = nn.Sequential(nn.Linear(4, 4), nn.ReLU(), nn.Linear(4, 3))
    assert train(model, 2).records_of_first_steps is None
    known = train(model, 5).records_of_first_steps
    assert known is not None
    (wired,) = [record for record in known if isinstance(record, Wiring)]
    assert (wired.step, wired.trainable.tensors, wired.untrained.tensors) == (2, 4, 0)
    looks = [record.step for record in known if isinstance(record, LayerStatistics)]
    assert looks == [1, 2, 3]
    # values decide nothing here: they wait for a window that is worth it
    assert not any(isinstance(record, PredictionWindow) for record in known)


def test_outputs_that_may_be_none_that_the_loss_takes_are_handed_on_with_the_third_step() -> None:
    x, y = torch.randn(8, 4), torch.arange(8) % 3
    model = nn.Linear(4, 3)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    context = FakeContext({"model": model}, clock=Ticking())
    probe = TorchProbe(context)
    probe.attach()
    outside = []
    for _ in range(4):
        optimizer.zero_grad()
        scores = model(x)
        outside += [float((scores > 0).float().mean())]
        F.nll_loss(scores, y).backward()
        optimizer.step()
    probe.flush()
    probe.detach()
    known = context.records_of_first_steps or ()
    (window,) = [record for record in known if isinstance(record, PredictionWindow)]
    assert (window.first_step, window.last_step) == (1, 3)
    assert window.outside_unit == pytest.approx(sum(outside[:3]) / 3)
