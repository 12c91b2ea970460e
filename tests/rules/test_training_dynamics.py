"""What goes wrong while it trains, really trained.

Rules: single-class-predictions, dead-relu, bad-initialization, vanishing-gradients,
learning-rate-too-high and non-finite.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import pairwise

import pytest
import torch
from torch import Tensor, nn

from tests.rules.programs import blobs, circles, column, fit, mlp
from tests.rules.training import Watched, watch


def deep(activation: type[nn.Module], depth: int, width: int = 8, outputs: int = 2) -> nn.Module:
    layers: list[nn.Module] = []
    for index in range(depth):
        layers += [nn.Linear(width if index else 2, width), activation()]
    return nn.Sequential(*layers, nn.Linear(width, outputs))


def adam(model: nn.Module, rate: float, epochs: int = 20) -> None:
    x, y = circles()
    fit(model, nn.CrossEntropyLoss(), x, y, rate, epochs, optimizer=torch.optim.Adam)


# -- single-class-predictions ------------------------------------------------------------------


def through_one_unit(bias: float, width: int) -> Watched:
    torch.manual_seed(0)
    model = mlp(2, width=width)
    with torch.no_grad():
        model[0].bias.fill_(bias)
    x, y = blobs((700, 300))
    return watch(lambda: fit(model, nn.CrossEntropyLoss(), x, y, epochs=8))


def test_a_dead_unit_leaves_one_class() -> None:
    watched = through_one_unit(-50.0, 1)
    cause, finding, *_ = watched.findings
    assert (cause.rule, cause.severity) == ("dead-relu", "error")
    assert cause.evidence[0].values["dead"] == 1.0
    assert (finding.rule, finding.explained_by) == ("single-class-predictions", "dead-relu")
    assert finding.message == "100% of predictions are class 0"
    assert finding.evidence[0].text.startswith("class 0: 100% of predictions, ")
    assert finding.evidence[0].values["label_share"] == pytest.approx(0.7, abs=0.02)
    assert finding.evidence[1].text.startswith("rank 0.")
    remedy = watched.engine.diagnosis(finding).remedy
    assert remedy is not None
    assert remedy.kind == "check-one-batch"


def test_units_that_live_are_silent() -> None:
    assert through_one_unit(0.0, 16).alarms == {}


# -- dead-relu ---------------------------------------------------------------------------------


def killed(layer: int, depth: int, activation: type[nn.Module] = nn.ReLU) -> Watched:
    """Every unit of one of the layers begins far below zero."""
    torch.manual_seed(0)
    model = deep(activation, depth, 24)
    with torch.no_grad():
        model[2 * layer].bias.fill_(-40.0)
    return watch(lambda: adam(model, 0.003))


@pytest.mark.parametrize(("layer", "depth"), [(0, 1), (1, 3), (2, 3)])
def test_a_layer_that_no_sample_gets_through(layer: int, depth: int) -> None:
    watched = killed(layer, depth)
    cause = watched.first
    assert (cause.rule, cause.severity) == ("dead-relu", "error")
    assert cause.evidence[0].text.startswith(f"behind layer {2 * layer} 100% of the units")
    assert {found.explained_by for found in watched.findings[1:]} <= {cause.rule}
    remedy = watched.engine.diagnosis(cause).remedy
    assert remedy is not None and remedy.values == {"old": "ReLU", "new": "LeakyReLU"}


@pytest.mark.parametrize(("shift", "dead"), [(-1.1, True), (-0.5, False)])
def test_tensors_without_a_module_are_looked_at_as_well(shift: float, dead: bool) -> None:
    x, y = blobs((600, 400))
    torch.manual_seed(0)
    first = (torch.rand(2, 24) + shift).requires_grad_()
    last = (torch.randn(24, 2) / 5).requires_grad_()
    optimizer = torch.optim.SGD([first, last], lr=0.1)

    def train() -> None:
        for _ in range(12):
            for rows in torch.randperm(len(x)).split(25):
                loss = nn.functional.cross_entropy((x[rows].abs() @ first).relu() @ last, y[rows])
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()

    watched = watch(train)
    assert ("dead-relu" in watched.ever) is dead
    if dead:
        text = watched.first.evidence[0].text
        assert text.startswith("behind layer parameter 0 100% of the units")


def test_half_of_the_units_dead_and_leaky_units_are_silent() -> None:
    model = deep(nn.ReLU, 2, 32)
    with torch.no_grad():
        model[0].bias[:16] = -40.0
    assert watch(lambda: adam(model, 0.01)).alarms == {}
    assert "dead-relu" not in killed(0, 1, nn.LeakyReLU).ever


# -- bad-initialization ------------------------------------------------------------------------


def begun(
    fill: Callable[[Tensor], object], activation: type[nn.Module] = nn.ReLU, rate: float = 0.01
) -> Watched:
    model = deep(activation, 2, 16)
    for part in model.modules():
        if isinstance(part, nn.Linear):
            with torch.no_grad():
                fill(part.weight)
                part.bias.zero_()
    return watch(lambda: adam(model, rate))


@pytest.mark.parametrize(
    ("fill", "activation"),
    [(nn.init.zeros_, nn.ReLU), (lambda w: w.fill_(0.1), nn.Tanh)],
    ids=["zero", "constant"],
)
def test_units_that_begin_alike(
    fill: Callable[[Tensor], object], activation: type[nn.Module]
) -> None:
    watched = begun(fill, activation)
    cause = watched.first
    assert (cause.rule, cause.severity) == ("bad-initialization", "error")
    assert cause.message == "all units of a layer begin alike"
    assert {found.explained_by for found in watched.findings[1:]} <= {cause.rule}


def test_weights_that_begin_far_too_large() -> None:
    watched = begun(lambda w: w.normal_(0, 30), rate=1e-3)
    cause = watched.first
    assert (cause.rule, cause.message) == (
        "bad-initialization", "initial weights are far too large",
    )  # fmt: skip
    values = cause.evidence[0].values
    assert values["root_mean_square"] > 4 * values["usual"]


@pytest.mark.parametrize(
    "fill", [nn.init.xavier_normal_, nn.init.kaiming_normal_, nn.init.orthogonal_]
)
def test_usual_initializations_are_silent(fill: Callable[[Tensor], object]) -> None:
    assert begun(fill).alarms == {}


# -- vanishing-gradients -----------------------------------------------------------------------


@pytest.mark.parametrize("every", [20, 80])
def test_ten_sigmoids_let_no_gradient_through(every: int) -> None:
    watched = watch(lambda: adam(deep(nn.Sigmoid, 10), 0.001), every=every)
    finding = watched.first
    assert (finding.rule, finding.severity) == ("vanishing-gradients", "error")
    assert "at layer 0, " in finding.evidence[0].text
    assert "at layer 20" in finding.evidence[0].text
    assert finding.evidence[0].values["first"] < 1e-4
    remedy = watched.engine.diagnosis(finding).remedy
    assert remedy is not None
    assert remedy.values == {"old": "Sigmoid", "new": "ReLU"}


@pytest.mark.parametrize(
    "model",
    [lambda: deep(nn.ReLU, 6), lambda: deep(nn.Sigmoid, 1), lambda: deep(nn.Tanh, 3)],
    ids=["relu", "one sigmoid", "tanh"],
)
def test_activations_that_let_the_gradient_through_are_silent(model: object) -> None:
    assert watch(lambda: adam(model(), 0.01)).alarms == {}  # type: ignore[operator]


def test_a_tower_of_tensors_made_by_hand_is_looked_at_as_well() -> None:
    """No module owns them; what the optimizer holds is all there is."""
    x, y = blobs((600, 400))
    torch.manual_seed(0)
    sizes = [2, *[12] * 9, 2]
    weights = [torch.randn(a, b) / a**0.5 for a, b in pairwise(sizes)]
    for weight in weights:
        weight.requires_grad_()
    optimizer = torch.optim.SGD(weights, lr=0.1)

    def train() -> None:
        for _ in range(15):
            for rows in torch.randperm(len(x)).split(25):
                hidden = x[rows]
                for weight in weights[:-1]:
                    hidden = torch.sigmoid(hidden @ weight)
                optimizer.zero_grad()
                nn.functional.cross_entropy(hidden @ weights[-1], y[rows]).backward()
                optimizer.step()

    finding = watch(train).first
    assert finding.rule == "vanishing-gradients"
    assert "layer parameter 9" in finding.evidence[0].text


def test_a_sigmoid_at_the_output_lets_no_gradient_vanish() -> None:
    x, y = blobs((600, 400))
    model = nn.Sequential(nn.Linear(2, 8), nn.ReLU(), nn.Linear(8, 1), nn.Sigmoid())
    watched = watch(lambda: fit(model, nn.BCELoss(), 0 * x, column(y), epochs=20), model=model)
    assert "vanishing-gradients" not in watched.ever
    assert watched.first.rule == "single-class-predictions"


# -- learning-rate-too-high --------------------------------------------------------------------


@pytest.mark.parametrize("every", [20, 80])
@pytest.mark.parametrize("rate", [1.0, 0.3])
def test_steps_that_overturn_the_weights(rate: float, every: int) -> None:
    watched = watch(lambda: adam(deep(nn.ReLU, 3, 32), rate), every=every)
    finding = watched.first
    assert (finding.rule, finding.severity) == ("learning-rate-too-high", "error")
    assert {found.explained_by for found in watched.findings[1:]} <= {finding.rule}
    remedy = watched.engine.diagnosis(finding).remedy
    assert remedy is not None
    assert remedy.kind == "scale-learning-rate"
    assert remedy.values == pytest.approx({"factor": 0.1, "old": rate, "new": rate / 10})


def test_plain_gradient_descent_on_inputs_in_the_hundreds() -> None:
    x, y = blobs((500, 500), 1.0, features=10)
    watched = watch(
        lambda: fit(nn.Linear(10, 2), nn.CrossEntropyLoss(), 100 * x, y, lr=10.0, epochs=20)
    )
    assert "learning-rate-too-high" in watched.ever
    assert watched.ever["learning-rate-too-high"].evidence[2].text.startswith("learning rate 10.0")


@pytest.mark.parametrize("rate", [0.03, 0.001])
def test_a_tenth_and_less_is_silent(rate: float) -> None:
    assert watch(lambda: adam(deep(nn.ReLU, 3, 32), rate)).alarms == {}


# -- non-finite --------------------------------------------------------------------------------


def with_one(value: float, x: Tensor) -> Tensor:
    x = x.clone()
    x[7, 0] = value
    return x


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_an_input_that_is_not_finite(value: float) -> None:
    x, y = blobs()
    watched = watch(lambda: fit(mlp(2), nn.CrossEntropyLoss(), with_one(value, x), y, epochs=3))
    finding = watched.first
    assert (finding.rule, finding.severity) == ("non-finite", "error")
    assert finding.message.startswith(f"{value} in the input at step ")
    assert {found.explained_by for found in watched.findings[1:]} <= {finding.rule}
    remedy = watched.engine.diagnosis(finding).remedy
    assert remedy is not None
    assert (remedy.kind, remedy.values) == ("clean-inputs", {"argument": "input"})


def test_a_target_that_is_not_finite() -> None:
    x, y = blobs()
    targets = with_one(math.nan, column(y))
    watched = watch(lambda: fit(nn.Linear(2, 1), nn.BCEWithLogitsLoss(), x, targets, epochs=3))
    assert watched.first.message.startswith("nan in the target at step ")
    remedy = watched.engine.diagnosis(watched.first).remedy
    assert remedy is not None
    assert remedy.values == {"argument": "target"}


def test_weights_that_run_away() -> None:
    x, y = blobs(features=10)
    watched = watch(lambda: fit(mlp(2, features=10), nn.CrossEntropyLoss(), x, y, lr=1e6, epochs=3))
    assert watched.first.rule == "non-finite"
    remedy = watched.engine.diagnosis(watched.first).remedy
    assert remedy is not None
    assert remedy.values == pytest.approx({"factor": 1e-3, "old": 1e6, "new": 1e3})


def test_nan_that_makes_bce_raise_is_no_raw_output() -> None:
    x, y = blobs(features=10)
    model = nn.Sequential(mlp(1, features=10), nn.Sigmoid())
    watched = watch(lambda: fit(model, nn.BCELoss(), x, column(y), lr=1e38, epochs=3))
    assert watched.first.rule == "non-finite"
    assert watched.first.message == "the outputs are nan at step 2"


def test_one_batch_without_any_label_is_silent() -> None:
    x, y = blobs()
    y = y.clone()
    y[:50] = -100
    watched = watch(lambda: fit(mlp(2), nn.CrossEntropyLoss(), x, y, epochs=4, shuffle=False))
    assert any(math.isnan(value) for value in watched.history.loss_values("cross_entropy")[1])
    assert watched.alarms == {}
