"""Weights that nothing updates, or that are updated by the wrong gradients, really trained.

Rules: no-optimizer-step and missing-zero-grad.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from tests.rules.programs import blobs, circles, column, fit, mlp
from tests.rules.training import watch

Step = Callable[[torch.optim.Optimizer, Tensor, int], None]


def loop(
    step: Step,
    model: nn.Module | None = None,
    epochs: int = 5,
    optimizer: Callable[..., torch.optim.Optimizer] = torch.optim.SGD,
    lr: float = 0.1,
) -> Callable[[], None]:
    """Rings, 20 batches an epoch; `step` is given optimizer, loss and number of the batch."""
    x, y = circles()
    net = mlp(2) if model is None else model

    def train() -> None:
        stepper = optimizer(net.parameters(), lr=lr)
        number = 0
        for _ in range(epochs):
            for rows in torch.randperm(len(x)).split(50):
                number += 1
                step(stepper, nn.functional.cross_entropy(net(x[rows]), y[rows]), number)

    return train


# -- no-optimizer-step -------------------------------------------------------------------------


def only_backward(optimizer: torch.optim.Optimizer, loss: Tensor, _: int) -> None:
    optimizer.zero_grad()
    loss.backward()


def never_full(optimizer: torch.optim.Optimizer, loss: Tensor, number: int) -> None:
    """Gradients of more batches than there are."""
    (loss / 512).backward()
    if number % 512 == 0:
        optimizer.step()
        optimizer.zero_grad()


def test_backwards_without_a_step() -> None:
    watched = watch(loop(only_backward))
    finding = watched.first
    assert (finding.rule, finding.severity, finding.confidence) == (
        "no-optimizer-step", "error", "certain",
    )  # fmt: skip
    assert finding.message == "100 backwards and no step"
    assert finding.resolved_step is None
    assert finding.evidence[0].values == {"backwards": 100.0, "steps": 0.0}
    assert {found.explained_by for found in watched.findings[1:]} <= {finding.rule}
    remedy = watched.engine.diagnosis(finding).remedy
    assert remedy is not None and remedy.kind == "make-step"


@pytest.mark.filterwarnings("ignore:Detected call of `lr_scheduler.step")
def test_only_the_scheduler_steps() -> None:
    x, y = blobs()
    model = mlp(1)

    def train() -> None:
        optimizer = torch.optim.Adam(model.parameters(), 0.01)
        schedule = torch.optim.lr_scheduler.StepLR(optimizer, 10)
        for _ in range(3):
            for rows in torch.randperm(len(x)).split(20):
                optimizer.zero_grad()
                nn.functional.binary_cross_entropy_with_logits(
                    model(x[rows]), column(y[rows])
                ).backward()
            schedule.step()

    assert watch(train).first.rule == "no-optimizer-step"


def test_a_step_that_never_comes_due() -> None:
    assert watch(loop(never_full, epochs=10)).first.rule == "no-optimizer-step"


def by_hand(optimizer: torch.optim.Optimizer, loss: Tensor, _: int) -> None:
    optimizer.zero_grad()
    loss.backward()
    for group in optimizer.param_groups:
        for parameter in group["params"]:
            with torch.no_grad():
                parameter -= 0.1 * parameter.grad


def through_data(optimizer: torch.optim.Optimizer, loss: Tensor, _: int) -> None:
    optimizer.zero_grad()
    loss.backward()
    for group in optimizer.param_groups:
        for parameter in group["params"]:
            parameter.data.sub_(0.1 * parameter.grad)


def long_accumulation(optimizer: torch.optim.Optimizer, loss: Tensor, number: int) -> None:
    """The first step is only the 33rd backward's."""
    (loss / 32).backward()
    if number % 33 == 0:
        optimizer.step()
        optimizer.zero_grad()


@pytest.mark.parametrize("step", [by_hand, through_data, long_accumulation])
def test_weights_that_move_otherwise_or_late_are_silent(step: Step) -> None:
    assert watch(loop(step)).alarms == {}


def test_gradients_of_a_trained_model_are_studied() -> None:
    x, y = circles()
    model = mlp(2)
    fit(model, nn.CrossEntropyLoss(), x, y, lr=0.5, epochs=40)
    assert watch(loop(only_backward, model)).alarms == {}


def test_gradients_without_any_optimizer_in_sight_are_silent() -> None:
    x, y = circles()
    model = mlp(2)

    def measure() -> None:
        for rows in torch.randperm(len(x)).split(10):
            nn.functional.cross_entropy(model(x[rows]), y[rows]).backward()

    assert watch(measure).alarms == {}


# -- missing-zero-grad -------------------------------------------------------------------------


def piles_up(optimizer: torch.optim.Optimizer, loss: Tensor, _: int) -> None:
    loss.backward()
    optimizer.step()


def clears_once_an_epoch(optimizer: torch.optim.Optimizer, loss: Tensor, number: int) -> None:
    if number % 20 == 1:
        optimizer.zero_grad()
    loss.backward()
    optimizer.step()


def two_backwards_a_step(optimizer: torch.optim.Optimizer, loss: Tensor, number: int) -> None:
    (loss / 2).backward()
    if number % 2 == 0:
        optimizer.step()


@pytest.mark.parametrize("step", [piles_up, clears_once_an_epoch, two_backwards_a_step])
@pytest.mark.parametrize("optimizer", [torch.optim.SGD, torch.optim.AdamW])
def test_gradients_that_are_never_cleared(
    step: Step, optimizer: Callable[..., torch.optim.Optimizer]
) -> None:
    watched = watch(loop(step, optimizer=optimizer, lr=0.05))
    finding = watched.first
    assert (finding.rule, finding.severity, finding.confidence) == (
        "missing-zero-grad", "error", "certain",
    )  # fmt: skip
    values = finding.evidence[0].values
    assert values["cleared"] <= 0.1 * values["seen"] and values["seen"] >= 20
    assert {found.explained_by for found in watched.findings[1:]} <= {finding.rule}
    remedy = watched.engine.diagnosis(finding).remedy
    assert remedy is not None
    assert (remedy.kind, remedy.values) == ("clear-gradients", {"optimizer": "optimizer"})


def given_by_hand(optimizer: torch.optim.Optimizer, loss: Tensor, _: int) -> None:
    """`torch.autograd.grad` adds to nothing: what stands is replaced."""
    parameters = optimizer.param_groups[0]["params"]
    for parameter, gradient in zip(parameters, torch.autograd.grad(loss, parameters), strict=True):
        parameter.grad = gradient
    optimizer.step()


def clears_afterwards(optimizer: torch.optim.Optimizer, loss: Tensor, _: int) -> None:
    loss.backward()
    optimizer.step()
    optimizer.zero_grad()


def accumulates(optimizer: torch.optim.Optimizer, loss: Tensor, number: int) -> None:
    (loss / 4).backward()
    if number % 4 == 0:
        optimizer.step()
        optimizer.zero_grad()


@pytest.mark.parametrize("step", [given_by_hand, clears_afterwards, accumulates])
def test_gradients_of_one_step_each_are_silent(step: Step) -> None:
    assert watch(loop(step, epochs=15, lr=0.3)).alarms == {}
