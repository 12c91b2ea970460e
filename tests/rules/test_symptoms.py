"""What the predictions do, whatever the cause: really trained."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from tests.rules.programs import blobs, fit, mlp
from tests.rules.training import Watched, watch


def noise(epochs: int, outputs: int = 2) -> Watched:
    """Labels that do not depend on the inputs; 20 steps an epoch."""
    x, y = blobs((500, 500), 0.0)
    return watch(lambda: fit(mlp(outputs), nn.CrossEntropyLoss(), x, y, epochs=epochs))


def test_nothing_is_learned_from_labels_that_are_noise() -> None:
    (finding,) = noise(20).findings
    assert (finding.rule, finding.severity) == ("not-learning", "warning")
    values = finding.evidence[0].values
    assert values["cross_entropy_over_entropy"] == pytest.approx(1.0, abs=0.03)
    assert values["rank"] == pytest.approx(0.5, abs=0.1)


def test_of_a_short_training_it_is_too_early_to_say() -> None:
    assert noise(9).findings == ()  # 180 steps


def test_it_is_not_said_while_the_training_may_still_be_slow() -> None:
    watched = noise(20)  # 400 steps: only the end tells
    assert watched.ever["not-learning"].last_step >= 380


class Blind(nn.Module):
    """Answers with a value that it learns, plus a share of what its inputs say."""

    def __init__(self, share: float) -> None:
        super().__init__()
        self.inner = mlp(2)
        self.bias = nn.Parameter(torch.zeros(2))
        self.share = share

    def forward(self, x: Tensor) -> Tensor:
        return self.bias + self.share * self.inner(x)


class OfTheBatch(nn.Module):
    """Answers every sample with what the batch as a whole looks like."""

    def __init__(self) -> None:
        super().__init__()
        self.inner = mlp(3)

    def forward(self, x: Tensor) -> Tensor:
        return self.inner(x.mean(0, keepdim=True)).expand(len(x), 3)


def blind(share: float, batch: int = 10, evaluated: bool = False) -> Watched:
    """Labels that come as often as each other; with an evaluation an epoch, or without any."""
    torch.manual_seed(0)
    model, loss = Blind(share), nn.CrossEntropyLoss()
    x, y = blobs((500, 500))

    def train() -> None:
        for _ in range(5):
            fit(model, loss, x, y, epochs=1, batch=batch)
            if evaluated:
                with torch.no_grad():
                    loss(model(x[::2]), y[::2])

    return watch(train)


def test_one_value_for_all_samples_is_seen_where_the_class_changes() -> None:
    found = {finding.rule: finding for finding in blind(0.0).findings}
    assert "single-class-predictions" not in found
    assert found["constant-output"].severity == "error"
    moves, differs = found["constant-output"].evidence
    assert moves.values["spread"] > 1e-3
    assert differs.values["spread_in_batch"] < 1e-6
    assert found["not-learning"].explained_by is not None


def test_one_value_for_all_samples_is_seen_in_an_evaluation_where_batches_are_single_samples() -> (
    None
):
    watched = blind(0.0, batch=1, evaluated=True)
    assert watched.finding("constant-output").evidence[0].values["spread"] < 1e-3


def test_one_value_for_a_batch_is_seen_though_it_follows_the_batch() -> None:
    x, y = blobs((500, 500, 500))
    model = OfTheBatch()
    watched = watch(lambda: fit(model, nn.CrossEntropyLoss(), x, y, 0.1, 10, batch=10))
    finding = watched.finding("constant-output")
    assert finding.evidence[0].values["rank"] > 0.55
    assert finding.evidence[1].values["spread_in_batch"] < 1e-6


def test_outputs_that_differ_are_silent() -> None:
    assert blind(1.0, evaluated=True).alarms == {}


def three_classes(between: float, epochs: int = 40) -> Watched:
    """Classes 1 and 2 are `between` apart, and class 2 comes more than three times as often."""
    x, y = blobs((700, 200, 700), 3.0)
    x[y == 2] += between - 3.0
    return watch(lambda: fit(mlp(3), nn.CrossEntropyLoss(), x, y, epochs=epochs))


def test_a_class_that_another_one_covers_is_missing() -> None:
    (finding,) = three_classes(0.0).findings
    assert (finding.rule, finding.severity) == ("missing-class", "warning")
    assert finding.message == "class 1 is (nearly) never predicted"
    values = finding.evidence[0].values
    assert values["label_share"] == pytest.approx(0.125, abs=0.03)
    assert values["predicted_share"] < 0.02
    assert values["recall"] < 0.05


def test_before_a_thousand_steps_a_missing_class_is_only_noted() -> None:
    watched = three_classes(0.0, epochs=20)
    assert watched.alarms == {}
    assert watched.finding("missing-class").confidence == "to check"


def test_classes_that_are_all_found_are_silent() -> None:
    assert three_classes(3.0).alarms == {}
