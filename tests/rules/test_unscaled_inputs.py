"""unscaled-inputs on training by steps; that of estimators is in tests/sklearn_runs."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from .programs import blobs, fit, mlp
from .training import Watched, watch

CE = nn.CrossEntropyLoss()


def train(
    x: torch.Tensor, y: torch.Tensor, model: nn.Module | None = None, lr: float = 0.01
) -> Watched:
    torch.manual_seed(0)
    net = model or mlp(2)
    return watch(lambda: fit(net, CE, x, y, lr=lr, epochs=30), model=net)


def test_raw_scales_that_end_in_one_class() -> None:
    x, y = blobs(distance=1.5)
    x = x * torch.tensor([1.0, 3e4])
    bad = train(x, y)
    finding = bad.finding("unscaled-inputs")
    assert (finding.severity, finding.confidence) == ("error", "likely")
    assert finding.evidence[0].values["widest_std"] == pytest.approx(float(x[:, 1].std()), rel=0.1)
    assert finding.evidence[0].values["narrowest_std"] == pytest.approx(
        float(x[:, 0].std()), rel=0.1
    )
    scaled = train((x - x.mean(0)) / x.std(0), y, lr=0.1)
    assert scaled.alarms == {}


@pytest.mark.parametrize(
    "case", ["large but learning", "beyond one", "batch norm in front", "no signal", "slow start"]
)
def test_scales_that_do_no_harm_stay_silent(case: str) -> None:
    x, y = blobs(distance=3.0)
    model: nn.Module = mlp(2)
    lr = 0.01
    if case == "large but learning":
        x, lr = x * 10, 1e-3
    elif case == "beyond one":
        x = 4 * (x - x.mean(0)) / x.std(0)
    elif case == "batch norm in front":
        x, model = x * torch.tensor([1.0, 1e4]), nn.Sequential(nn.BatchNorm1d(2), mlp(2))
    elif case == "no signal":
        y = y[torch.randperm(len(y), generator=torch.Generator().manual_seed(0))]
    else:
        lr = 1e-3
    assert "unscaled-inputs" not in train(x, y, model, lr).ever


def raw_descent(x: torch.Tensor, y: torch.Tensor, lr: float) -> Watched:
    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(8, 12), nn.ReLU(), nn.Linear(12, 8), nn.ReLU(), nn.Linear(8, 2))
    return watch(lambda: fit(net, CE, x, y, lr=lr, epochs=30), model=net)


def test_steps_that_raw_inputs_make_large_are_not_the_learning_rates() -> None:
    x, y = blobs(distance=1.0, features=8)
    raw = raw_descent(300 + 300 * x.abs(), y, lr=0.03)
    assert raw.first.rule == "unscaled-inputs"
    assert "learning-rate-too-high" not in raw.ever
    assert {found.explained_by for found in raw.findings[1:]} <= {"unscaled-inputs", "dead-relu"}
    assert raw_descent(x, y, lr=0.03).alarms == {}
    # at a rate that nobody uses it is the rate that stands out
    assert raw_descent(300 + 300 * x.abs(), y, lr=30.0).first.rule == "learning-rate-too-high"
