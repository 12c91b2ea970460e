"""Scale of activations and dead units, against a computation of our own on the same outputs."""

from __future__ import annotations

import math

import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torch.utils.checkpoint import checkpoint

from collapse_magic.records import ActivationStatistics

from .watched import watched


def statistics(context: object) -> list[ActivationStatistics]:
    return context.of(ActivationStatistics)  # type: ignore[attr-defined]


def test_dead_units_and_scales_of_a_perceptron() -> None:
    torch.manual_seed(0)
    model = nn.Sequential(
        nn.Linear(6, 20), nn.ReLU(), nn.Linear(20, 10), nn.Tanh(), nn.Linear(10, 3)
    )
    with torch.no_grad():
        model[0].bias[:7] = -100.0  # seven units that never fire
    optimizer = torch.optim.SGD(model.parameters(), lr=0.0)
    x, y = torch.randn(40, 32, 6), torch.randint(0, 3, (40, 32))
    with watched(net=model) as context:
        for index in range(40):
            optimizer.zero_grad()
            F.cross_entropy(model(x[index]), y[index]).backward()
            optimizer.step()
    looks = statistics(context)
    assert len(looks) == 40
    assert {(look.layers, look.kinds) for look in looks} == {(("0", "2"), ("relu", "tanh"))}
    with torch.no_grad():
        for index, look in enumerate(looks):
            hidden = model[:2](x[index])
            for rms, output in zip(look.rms, (hidden, model[2:4](hidden)), strict=True):
                assert rms == pytest.approx(output.square().mean().sqrt().item(), rel=1e-5)
        dead = (model[:2](x.reshape(-1, 6)) == 0).all(0).float().mean().item()
    # 16 batches of 32 make 512 values; before that nothing is said
    assert [math.isnan(look.dead[0]) for look in looks] == [True] * 15 + [False] * 25
    assert looks[15].seen == (512, 0)
    assert looks[-1].dead[0] == pytest.approx(dead) == 7 / 20
    assert math.isnan(looks[-1].dead[1])  # tanh is never exactly 0 for long
    assert 512 <= looks[-1].seen[0] <= 1024 + 32


def test_a_unit_that_comes_alive_again_is_not_dead_for_long() -> None:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(4, 10), nn.ReLU(), nn.Linear(10, 2))
    with torch.no_grad():
        model[0].bias.fill_(-100.0)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.0)
    with watched(net=model) as context:
        for index in range(40):
            if index == 20:
                with torch.no_grad():
                    model[0].bias[5:] = 100.0
            F.cross_entropy(model(torch.randn(64, 4)), torch.randint(0, 2, (64,))).backward()
            optimizer.step()
    looks = statistics(context)
    assert looks[19].dead == (1.0,)
    assert looks[20].dead == looks[-1].dead == (0.5,)


def test_channels_of_a_convolution_are_its_units() -> None:
    torch.manual_seed(0)
    model = nn.Sequential(
        nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.ReLU6(), nn.Conv2d(8, 4, 3), nn.GELU(),
        nn.Flatten(), nn.Linear(64, 2),
    )  # fmt: skip
    with torch.no_grad():
        model[1].bias[:2] = -100.0
        model[1].weight[:2] = 0.01
    optimizer = torch.optim.SGD(model.parameters(), lr=0.0)
    with watched(net=model) as context:
        for _ in range(3):
            F.cross_entropy(model(torch.randn(8, 3, 8, 8)), torch.randint(0, 2, (8,))).backward()
            optimizer.step()
    look = statistics(context)[-1]
    assert (look.layers, look.kinds) == (("1", "3"), ("relu6", "gelu"))
    assert look.dead[0] == 0.25
    assert look.seen == (3 * 8 * 36, 0)  # every pixel is a value of its channel
    assert math.isnan(look.dead[1])


def test_a_recurrent_net_has_one_activation_however_long_it_runs() -> None:
    model = nn.ModuleDict({"cell": nn.RNNCell(3, 8), "head": nn.Linear(8, 2)})
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    with watched(net=model) as context:
        for length in (5, 9, 7):
            state = torch.zeros(16, 8)
            for x in torch.randn(length, 16, 3):
                state = model["cell"](x, state)
            optimizer.zero_grad()
            F.cross_entropy(model["head"](state), torch.randint(0, 2, (16,))).backward()
            optimizer.step()
    looks = statistics(context)
    assert [(look.layers, look.kinds) for look in looks] == [(("cell",), ("tanh",))] * 3
    assert all(0 < look.rms[0] < 1 for look in looks)


def test_of_many_activations_the_looks_take_turns() -> None:
    model = nn.Sequential(*[m for _ in range(40) for m in (nn.Linear(8, 8), nn.ReLU())])
    optimizer = torch.optim.SGD(model.parameters(), lr=0.0)
    with watched(net=model) as context:
        for _ in range(3):
            F.mse_loss(model(torch.randn(600, 8)), torch.randn(600, 8)).backward()
            optimizer.step()
    looks = statistics(context)
    assert [len(look.rms) for look in looks] == [40] * 3
    assert [sum(not math.isnan(rms) for rms in look.rms) for look in looks] == [16] * 3
    assert all(seen >= 512 for seen in looks[-1].seen)


def test_large_outputs_are_looked_at_in_parts() -> None:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(8, 2048), nn.ReLU(), nn.Linear(2048, 2))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.0)
    x = torch.randn(4, 300, 8)
    with watched(net=model) as context:
        F.cross_entropy(model(x).flatten(0, 1), torch.zeros(1200, dtype=torch.long)).backward()
        optimizer.step()
    (look,) = statistics(context)
    assert 0 < look.seen[0] <= 16
    expected = model[:2](x).square().mean().sqrt().item()
    assert look.rms[0] == pytest.approx(expected, rel=0.1)


def test_checkpointed_layers_are_not_run_once_more_for_our_sake() -> None:
    runs = []

    class Counted(nn.Linear):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            runs.append(1)
            return super().forward(x).relu()

    hidden, head = Counted(6, 6), nn.Linear(6, 2)
    model = nn.ModuleList([hidden, head])
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    with watched(net=model) as context:
        for _ in range(4):
            out = head(checkpoint(hidden, torch.randn(8, 6), use_reentrant=False))
            optimizer.zero_grad()
            F.cross_entropy(out, torch.randint(0, 2, (8,))).backward()
            optimizer.step()
    assert len(runs) == 4 * 2  # forward, and again in backward
    assert statistics(context) == []
