"""What holds a training back from outside of the model, really trained.

Rules: learning-rate-too-low, over-regularized, undertrained, wrong-loss and misweighted-loss.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from collapse_magic.rules.over_regularized import OverRegularized
from tests.rules.hand_made import history_of, loss_facts, model_facts, model_mode, window
from tests.rules.programs import blobs, circles, fit, mlp
from tests.rules.training import Watched, watch

CE = nn.CrossEntropyLoss()
ADAM = torch.optim.Adam


def explained(watched: Watched) -> set[str | None]:
    """What the findings below the first one are symptoms of; notes stand for themselves."""
    return {found.explained_by for found in watched.findings[1:] if found.severity != "info"}


def remedy(watched: Watched) -> Any:
    found = watched.engine.diagnosis(watched.first).remedy
    assert found is not None
    return found


# -- learning-rate-too-low ---------------------------------------------------------------------


def rings(lr: float, schedule: Callable[[Any], Any] | None = None, epochs: int = 20) -> Watched:
    """Two rings, 20 steps an epoch; the schedule steps in every batch."""
    x, y = circles()
    train = partial(fit, mlp(2), CE, x, y, lr, epochs, optimizer=ADAM, schedule=schedule)
    return watch(train)


def test_a_schedule_that_is_gone_at_once() -> None:
    steps = torch.optim.lr_scheduler.StepLR
    watched = rings(0.01, lambda optimizer: steps(optimizer, step_size=4, gamma=0.1))
    assert (watched.first.rule, watched.first.severity) == ("learning-rate-too-low", "error")
    values = watched.first.evidence[0].values
    assert values["highest"] == pytest.approx(0.01)
    assert 12 <= values["step"] <= 40
    assert remedy(watched).kind == "step-per-epoch"
    assert explained(watched) <= {"learning-rate-too-low"}


def test_a_rate_that_moves_nothing() -> None:
    watched = rings(1e-7)
    assert (watched.first.rule, watched.first.severity) == ("learning-rate-too-low", "error")
    assert 0 < watched.first.evidence[0].values["moved"] < 0.01
    assert remedy(watched).kind == "scale-learning-rate"
    assert 1e-4 <= remedy(watched).values["new"] <= 0.1
    assert explained(watched) <= {"learning-rate-too-low"}


@pytest.mark.parametrize("case", ["rate", "cosine", "steps by epoch", "warm-up", "learned before"])
def test_rates_that_get_there_are_silent(case: str) -> None:
    schedules = torch.optim.lr_scheduler
    if case == "rate":
        watched = rings(0.01)
    elif case == "cosine":
        watched = rings(0.02, lambda optimizer: schedules.CosineAnnealingLR(optimizer, 400))
    elif case == "steps by epoch":
        watched = rings(0.02, lambda optimizer: schedules.StepLR(optimizer, 80, gamma=0.1))
    elif case == "warm-up":
        watched = rings(
            0.02, lambda optimizer: schedules.LambdaLR(optimizer, lambda n: min(1e-6 + n / 300, 1))
        )
    else:
        x, y = blobs()
        model = mlp(2)
        fit(model, CE, x, y, epochs=10)
        watched = watch(lambda: fit(model, CE, x, y, lr=1e-7, epochs=20))
    assert watched.alarms == {}


# -- over-regularized --------------------------------------------------------------------------


def decaying(decay: float) -> Watched:
    x, y = blobs((600, 400))
    model = nn.Sequential(
        nn.Linear(2, 16), nn.ReLU(), nn.Linear(16, 16), nn.ReLU(), nn.Linear(16, 2)
    )
    optimizer = partial(torch.optim.SGD, weight_decay=decay)
    return watch(lambda: fit(model, CE, x, y, 0.02, 25, optimizer=optimizer))


def test_weight_decay_that_leaves_nothing_of_the_weights() -> None:
    watched = decaying(2.0)
    assert (watched.first.rule, watched.first.severity) == ("over-regularized", "error")
    assert watched.first.evidence[0].values["norm_left"] < 0.1
    assert remedy(watched).values == {"old": 2.0, "new": 1e-4}
    assert explained(watched) <= {"over-regularized"}


def test_weight_decay_far_above_the_usual_needs_no_tenth() -> None:
    """Nothing but noise is left to learn, and steps are few: the weights keep over a tenth."""
    x, y = blobs((600, 400))
    y = y[torch.randperm(len(y), generator=torch.Generator().manual_seed(1))]
    model = mlp(2)
    optimizer = partial(torch.optim.SGD, weight_decay=0.3)
    watched = watch(lambda: fit(model, CE, x, y, 0.01, 20, optimizer=optimizer))
    assert watched.first.rule == "over-regularized"
    assert 0.1 < watched.first.evidence[0].values["norm_left"] < 0.5


@pytest.mark.parametrize(("strength", "named"), [(3.0, True), (0.0, False)])
def test_a_penalty_in_the_loss_shows_in_the_gradients(strength: float, named: bool) -> None:
    x, y = blobs((600, 400))
    model = mlp(2)

    def loss(logits: Tensor, labels: Tensor) -> Tensor:
        squares = sum(p.square().sum() for p in model.parameters() if p.ndim > 1)
        return CE(logits, labels) + strength * squares

    watched = watch(lambda: fit(model, loss, x, y, 2e-3, 20, optimizer=ADAM))
    assert ("over-regularized" in watched.ever) is named


def dropping(probability: float, behind: float = 0.0) -> Watched:
    x, y = blobs((300, 300, 300), 2.0)
    model = nn.Sequential(
        *(nn.Linear(2, 32), nn.ReLU(), nn.Dropout(probability)),
        *(nn.Linear(32, 32), nn.ReLU(), nn.Dropout(probability)),
        *(nn.Linear(32, 3), nn.Dropout(behind)),
    )
    return watch(lambda: fit(model, CE, x, y, 1e-3, 25, optimizer=ADAM))


def test_dropout_that_lets_nothing_through() -> None:
    watched = dropping(0.99)
    assert (watched.first.rule, watched.first.severity) == ("over-regularized", "error")
    assert watched.first.evidence[0].values["dropout"] == pytest.approx(0.99)
    assert remedy(watched).kind == "lower-dropout"
    assert explained(watched) <= {"over-regularized"}


def noisy(cost: Sequence[float], rank: float = 0.5, dropout: float = 0.9) -> bool:
    """Whether dropout is named, of windows whose loss is so many times that of a constant
    answer; the last one is always the best: the training gets better."""
    history = history_of(
        loss_facts(),
        model_facts(dropouts=(dropout,)),
        model_mode(),
        *[
            window(index, recall=(0.5, 0.5), rank=rank, cross_entropy_nats=times * math.log(2))
            for index, times in enumerate(cost)
        ],
    )
    return any(found.remedy.kind == "lower-dropout" for found in OverRegularized().check(history))


def test_noise_that_costs_more_than_a_constant_answer_counts_though_it_gets_less() -> None:
    assert noisy((2.0, 1.6, 1.4, 1.2))
    assert not noisy((2.0, 1.6, 1.2)), "192 steps"
    assert not noisy((2.0, 1.6, 1.4, 1.02)), "soon as good as a constant answer"
    assert not noisy((2.0, 1.6, 1.4, 1.2), rank=0.6), "the scores follow the inputs"
    assert not noisy((2.0, 1.6, 1.4, 1.2), dropout=0.7)


def test_noise_of_dropout_that_costs_more_than_a_constant_answer() -> None:
    x, y = blobs((300, 300), 0.5, features=20)
    model = nn.Sequential(nn.Linear(20, 64), nn.ReLU(), nn.Dropout(0.98), nn.Linear(64, 2))
    watched = watch(lambda: fit(model, CE, x, y, 1e-4, 20, optimizer=ADAM))
    assert watched.first.rule == "over-regularized"
    assert watched.first.evidence[1].values["cross_entropy_over_entropy"] > 1.05
    assert remedy(watched).kind == "lower-dropout"


def test_what_is_usual_is_silent() -> None:
    assert decaying(1e-3).alarms == {}
    assert dropping(0.5).alarms == {}
    assert "over-regularized" not in dropping(0.3, behind=0.5).ever


# -- undertrained ------------------------------------------------------------------------------


def many_classes(epochs: int) -> Watched:
    torch.manual_seed(3)
    centres = torch.randn(6, 8)
    y = torch.arange(1200) % 6
    x = centres[y] + 0.5 * torch.randn(1200, 8)
    return watch(lambda: fit(mlp(6, features=8), CE, x, y, 0.01, epochs, batch=40))


def test_a_training_that_is_cut_short_is_noted() -> None:
    watched = many_classes(2)
    assert watched.alarms == {}
    assert (watched.first.rule, watched.first.severity) == ("undertrained", "info")
    before, last = watched.first.evidence[0].values.values(), watched.first.evidence[1].values
    assert max(before) >= 0.7
    assert last["rank"] > 0.5
    assert remedy(watched).kind == "train-longer"


def test_a_training_that_has_arrived_is_not() -> None:
    assert many_classes(40).findings == ()


# -- wrong-loss --------------------------------------------------------------------------------


def inner_ring(loss: Callable[[Tensor, Tensor], Tensor]) -> Watched:
    """Three classes by radius, of which one has two labels in three."""
    torch.manual_seed(1)
    x = torch.randn(1500, 4)
    y = torch.bucketize((x[:, :2] ** 2).sum(1), torch.tensor([2.2, 4.2]))
    model = mlp(3, 24, 4)
    momentum = partial(torch.optim.SGD, momentum=0.9)
    return watch(lambda: fit(model, loss, x, y, 0.1, 16, optimizer=momentum))


def of_probabilities(distance: Callable[..., Tensor]) -> Callable[[Tensor, Tensor], Tensor]:
    return lambda scores, y: distance(scores.softmax(1), F.one_hot(y, 3).float())


def test_a_distance_that_saturates() -> None:
    watched = inner_ring(of_probabilities(F.l1_loss))
    assert (watched.first.rule, watched.first.severity) == ("wrong-loss", "error")
    values = watched.first.evidence[0].values
    assert values["label_share"] == pytest.approx(0.667, abs=0.04)
    assert values["mean_probability"] > 0.95
    assert remedy(watched).values == {"new": "CategoricalCrossentropy"}
    assert explained(watched) <= {"wrong-loss"}


@pytest.mark.parametrize("loss", [CE, of_probabilities(F.mse_loss)], ids=["cross entropy", "Brier"])
def test_losses_that_learn_are_silent(loss: Callable[[Tensor, Tensor], Tensor]) -> None:
    assert inner_ring(loss).alarms == {}


def test_a_distance_to_labels_that_are_noise_is_not_to_blame() -> None:
    x, y = blobs((600, 400), 0.0)
    loss = nn.MSELoss()
    watched = watch(
        lambda: fit(mlp(1), lambda s, t: loss(s[:, 0].sigmoid(), t.float()), x, y, epochs=20)
    )
    assert "wrong-loss" not in watched.ever


# -- misweighted-loss --------------------------------------------------------------------------


def rare(pos_weight: float | None, counts: tuple[int, int] = (1800, 200)) -> Watched:
    x, y = blobs(counts, 1.0)
    weight = None if pos_weight is None else torch.tensor(pos_weight)
    bce = nn.BCEWithLogitsLoss(pos_weight=weight)
    model = mlp(1)
    return watch(lambda: fit(model, lambda s, t: bce(s[:, 0], t.float()), x, y, 0.1, 20))


def test_weights_upside_down() -> None:
    watched = rare(1 / 9)
    assert (watched.first.rule, watched.first.severity) == ("misweighted-loss", "error")
    values = watched.first.evidence[0].values
    assert values["weight_ratio"] == pytest.approx(1 / 9, rel=0.3)
    assert values["label_ratio"] == pytest.approx(9.0, rel=0.1)
    assert remedy(watched).kind == "weigh-classes"
    assert remedy(watched).values["pos_weight"] == pytest.approx(9.0, rel=0.1)
    assert explained(watched) <= {"misweighted-loss"}


def test_weights_on_top_of_balanced_batches() -> None:
    watched = rare(200.0, counts=(1000, 1000))
    assert (watched.first.rule, watched.first.severity) == ("misweighted-loss", "error")
    assert watched.first.evidence[0].values["weighted_share"] == pytest.approx(200 / 201, abs=0.01)
    assert explained(watched) <= {"misweighted-loss"}


def test_weights_that_balance_are_silent_and_none_are_an_imbalance() -> None:
    assert rare(9.0).alarms == {}
    without = rare(None)
    assert without.first.rule == "class-imbalance"
    assert "misweighted-loss" not in without.ever
