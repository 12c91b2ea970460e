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
