"""The first place that is not finite, in the kinds of models and losses that people train."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from collapse_magic.records import LayerStatistics, NonFinite

from .watched import watched

LABELS = torch.tensor([0, 1, 0, 1, 1, 0, 0, 1])
Loss = Callable[[torch.Tensor], torch.Tensor]


def cross_entropy(out: torch.Tensor) -> torch.Tensor:
    return F.cross_entropy(out, LABELS)


def first_of(
    model: nn.Module,
    x: torch.Tensor,
    loss: Loss = cross_entropy,
    spoil: Callable[[nn.Module], None] | None = None,
) -> NonFinite | None:
    """Trains two steps, the second one on a model that was spoilt."""
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    with watched(net=model) as context:
        for step in range(2):
            if step and spoil is not None:
                with torch.no_grad():
                    spoil(model)
            optimizer.zero_grad()
            loss(model(x)).backward()
            optimizer.step()
    return next(iter(context.of(NonFinite)), None)


def cnn() -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.ReLU(), nn.Flatten(), nn.Linear(32, 2)
    )


def place_of(found: NonFinite | None) -> tuple[str, str, str, int] | None:
    return None if found is None else (found.place, found.name, found.value, found.step)


def test_a_convolution() -> None:
    images = torch.randn(8, 1, 6, 6)

    def spoil(model: nn.Module) -> None:
        model[0].weight[1, 0, 2, 2] = math.inf  # type: ignore[index]

    assert place_of(first_of(cnn(), images, spoil=spoil)) == ("weight", "0.weight", "inf", 2)
    images[3, 0, 1, 1] = math.nan
    assert place_of(first_of(cnn(), images)) == ("input", "input", "nan", 1)


def test_running_statistics_of_a_normalisation_are_no_weight_but_its_output_is_told() -> None:
    def spoil(model: nn.Module) -> None:
        model.eval()
        model[1].running_var.fill_(-1.0)  # type: ignore[index]

    found = first_of(cnn(), torch.randn(8, 1, 6, 6), spoil=spoil)
    assert place_of(found) == ("logits", "1", "nan", 2)


def test_an_embedding() -> None:
    tokens = torch.arange(24).reshape(8, 3)
    model = nn.Sequential(nn.Embedding(24, 4), nn.Flatten(), nn.Linear(12, 2))

    def spoil(model: nn.Module) -> None:
        model[0].weight[5, 0] = -math.inf  # type: ignore[index]

    assert place_of(first_of(model, tokens, spoil=spoil)) == ("weight", "0.weight", "-inf", 2)


class Function(nn.Module):
    def __init__(self, function: Loss) -> None:
        super().__init__()
        self.function = function

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.function(x)


@pytest.mark.parametrize(
    ("function", "value"),
    [(lambda x: torch.exp(x.abs() * 1e6), "inf"), (lambda x: torch.log(x - x.detach()), "-inf")],
)
def test_the_layer_behind_which_it_begins(function: Loss, value: str) -> None:
    model = nn.Sequential(
        nn.Linear(4, 4), nn.ReLU(), nn.Linear(4, 4), Function(function), nn.Linear(4, 4),
        nn.ReLU(), nn.Linear(4, 2),
    )  # fmt: skip
    found = first_of(model, torch.randn(8, 4))
    assert place_of(found) == ("logits", "2", value, 1)


def test_a_handwritten_loss() -> None:
    def loss(p: torch.Tensor) -> torch.Tensor:
        return -(LABELS * torch.log(p[:, 0] * 0)).mean()

    model = nn.Sequential(nn.Linear(4, 1), nn.Sigmoid())
    found = first_of(model, torch.randn(8, 4), loss)
    assert found is not None and (found.place, found.step) == ("loss", 1)


@pytest.mark.parametrize("index", [-100, -1, 255])
def test_a_batch_that_is_wholly_masked_is_no_failure(index: int) -> None:
    def loss(out: torch.Tensor) -> torch.Tensor:
        return F.cross_entropy(out, torch.full((8,), index), ignore_index=index) * 0.5

    assert first_of(nn.Linear(4, 2), torch.randn(8, 4), loss) is None


def scaled(optimizer: torch.optim.Optimizer, model: nn.Module, first: torch.Tensor) -> list[float]:
    """Mixed precision, whose first batch overflows; gives the unscaled norm of each gradient."""
    scaler = torch.amp.GradScaler("cpu", init_scale=2.0**60)
    norms = []
    for step in range(5):
        x = first if step == 0 else torch.randn(8, 4)
        optimizer.zero_grad()
        loss = cross_entropy(model(x))
        scaler.scale(loss).backward()
        scale = scaler.get_scale()
        squares = [(p.grad.double() / scale).square().sum().item() for p in model.parameters()]
        norms.append(math.sqrt(sum(squares)))
        scaler.step(optimizer)
        scaler.update()
    assert scaler.get_scale() == 2.0**59  # one step was left out
    return norms


@pytest.mark.parametrize("fused", [False, True])
def test_steps_that_a_scaler_leaves_out_are_no_alarm(fused: bool) -> None:
    torch.manual_seed(0)
    model = nn.Linear(4, 2)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01, fused=fused)
    with watched(net=model) as context:
        norms = scaled(optimizer, model, torch.full((8, 4), 1e25))
    assert norms[0] == math.inf
    assert context.of(NonFinite) == []
    # other optimizers are stepped after unscaling, or not at all; this one is told the scale
    looks = [look.gradient_norm[0] for look in context.of(LayerStatistics)]
    assert looks == pytest.approx(norms[1:], rel=1e-4)


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_a_gradient_is_told_with_its_layer_and_value(value: float) -> None:
    model = nn.Sequential(nn.Linear(4, 4), nn.Linear(4, 2))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.0)
    with watched(net=model) as context:
        cross_entropy(model(torch.randn(8, 4))).backward()
        model[1].weight.grad[0, 0] = value
        optimizer.step()
    (found,) = context.of(NonFinite)
    assert place_of(found) == ("gradient", "1", str(value), 1)
