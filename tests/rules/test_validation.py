"""What validation says beside training: noisy-labels, overfitting and train-eval-gap, trained."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

from collapse_magic.statistics import percent
from tests.rules.programs import blobs, mlp
from tests.rules.training import Watched, watch

Data = tuple[Tensor, Tensor]


def validated(
    model: nn.Module,
    data: Data,
    held: Data,
    epochs: int = 30,
    rate: float = 0.005,
    after: Callable[[], object] = lambda: None,
) -> Watched:
    """A pass over shuffled data, then an evaluation; ``after`` is called after each of these."""
    (x, y), (x_val, y_val) = data, held
    optimizer = torch.optim.Adam(model.parameters(), lr=rate)

    def train() -> None:
        model.train()
        for _ in range(epochs):
            for rows in torch.randperm(len(x)).split(25):
                optimizer.zero_grad()
                nn.functional.cross_entropy(model(x[rows]), y[rows]).backward()
                optimizer.step()
            model.eval()
            with torch.no_grad():
                nn.functional.cross_entropy(model(x_val), y_val)
            after()

    return watch(train)


def halves(data: Data) -> tuple[Data, Data]:
    x, y = data
    order = torch.randperm(len(y), generator=torch.Generator().manual_seed(3))
    a, b = order.chunk(2)
    return (x[a], y[a]), (x[b], y[b])


def mislabelled(data: Data, share: float) -> Data:
    x, y = data
    generator = torch.Generator().manual_seed(4)
    wrong = torch.rand(len(y), generator=generator) < share
    return x, torch.where(wrong, 1 - y, y)


def large(features: int = 6) -> nn.Sequential:
    return nn.Sequential(
        nn.Linear(features, 128), nn.ReLU(), nn.Linear(128, 128), nn.ReLU(), nn.Linear(128, 2)
    )


# -- noisy-labels ------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def shuffled_apart() -> Watched:
    torch.manual_seed(0)
    x, y = blobs((400, 400), 1.0, features=6)
    data, held = halves((x[torch.randperm(len(x))], y))
    model = large()
    return validated(model, data, held, epochs=40, after=model.train)


def test_labels_that_were_shuffled_apart(shuffled_apart: Watched) -> None:
    finding = shuffled_apart.first
    assert (finding.rule, finding.severity) == ("noisy-labels", "error")
    assert finding.evidence[0].values["rank"] == pytest.approx(0.5, abs=0.05)
    assert finding.evidence[1].values["train_rank"] > 0.65
    remedy = shuffled_apart.engine.diagnosis(finding).remedy
    assert remedy is not None and remedy.kind == "pair-labels"
    assert {found.explained_by for found in shuffled_apart.findings[1:]} <= {"noisy-labels"}


def test_labels_that_belong_to_their_inputs_are_silent() -> None:
    data, held = halves(blobs((400, 400), 1.0, features=6))
    model = large()
    watched = validated(model, data, held, epochs=12, after=model.train)
    assert watched.alarms == {}
    assert "noisy-labels" in watched.engine.clear


def test_without_validation_nothing_is_said() -> None:
    x, y = blobs((200, 200), features=2)
    optimizer_of = torch.optim.Adam
    model = mlp(2)

    def train() -> None:
        optimizer = optimizer_of(model.parameters())
        for rows in torch.randperm(len(x)).split(25):
            optimizer.zero_grad()
            nn.functional.cross_entropy(model(x[rows]), y[rows]).backward()
            optimizer.step()

    skipped = watch(train).engine.skipped
    assert skipped["noisy-labels"] == skipped["overfitting"] == "no validation data"


# -- overfitting -------------------------------------------------------------------------------


def test_labels_of_which_some_are_wrong_learned_by_heart() -> None:
    data, held = halves(mislabelled(blobs((400, 400), 1.0, features=6), 0.25))
    model = large()
    watched = validated(model, data, held, epochs=50, after=model.train)
    finding = watched.first
    assert (finding.rule, finding.severity) == ("overfitting", "warning")
    values = finding.evidence[0].values
    assert values["cross_entropy_over_entropy"] > 1.25 * values["at_best"]
    assert finding.evidence[2].values["accuracy"] < finding.evidence[2].values["accuracy_at_best"]
    remedy = watched.engine.diagnosis(finding).remedy
    assert remedy is not None and remedy.kind == "stop-early"


def test_a_model_that_is_only_too_sure_is_a_note_at_most() -> None:
    data, held = halves(blobs((400, 400), 0.9, features=6))
    model = large()
    assert validated(model, data, held, epochs=15, after=model.train).alarms == {}


def test_a_validation_that_stays_behind_is_a_note() -> None:
    """Sixty samples of noise in many dimensions, of which a few tell something; they are learned by
    heart before anybody looks at the validation, which gets no worse then."""
    torch.manual_seed(1)
    y = torch.randint(0, 2, (660,))
    x = torch.randn(660, 60)
    x[:, :4] += 0.6 * (2.0 * y[:, None] - 1)
    model = large(60)
    data, held = (x[:60], y[:60]), (x[60:], y[60:])
    optimizer = torch.optim.Adam(model.parameters(), 0.005)
    for _ in range(120):
        optimizer.zero_grad()
        nn.functional.cross_entropy(model(x[:60]), y[:60]).backward()
        optimizer.step()
    finding = validated(model, data, held, epochs=40, rate=1e-4, after=model.train).first
    assert (finding.rule, finding.severity, finding.confidence) == ("overfitting", "info", "likely")
    with torch.no_grad():
        right = float((model(x[60:]).argmax(1) == y[60:]).float().mean())
    assert finding.message == f"100% right in training, {percent(right)} in validation"


def test_few_samples_learned_by_heart_without_any_validation() -> None:
    x, y = blobs((30, 30), 1.5, features=6)
    model = large()
    loader = DataLoader(TensorDataset(x, y), 10, shuffle=True)
    optimizer = torch.optim.Adam(model.parameters(), 0.005)

    def train(epochs: int) -> None:
        for _ in range(epochs):
            for part, labels in loader:
                optimizer.zero_grad()
                nn.functional.cross_entropy(model(part), labels).backward()
                optimizer.step()

    assert watch(lambda: train(10)).findings == ()
    finding = watch(lambda: train(60)).first
    assert (finding.rule, finding.severity, finding.confidence) == (
        "overfitting", "info", "to check",
    )  # fmt: skip
    assert finding.evidence[1].values == {"samples_of_an_epoch": 60.0, "epochs": 60.0}


# -- train-eval-gap ----------------------------------------------------------------------------


def normalized(momentum: float) -> nn.Sequential:
    return nn.Sequential(
        nn.Linear(4, 16),
        nn.BatchNorm1d(16, momentum=momentum),
        nn.ReLU(),
        nn.Linear(16, 2),
    )


def far_off(distance: float = 2.0) -> tuple[Data, Data]:
    """Features around 40: far from what averages of 0 and 1 expect."""
    x, y = blobs((400, 400), distance, features=4)
    return halves((x + 40, y))


def test_averages_that_do_not_follow() -> None:
    model = normalized(1e-4)
    watched = validated(model, *far_off(), epochs=15, after=model.train)
    finding = watched.first
    assert (finding.rule, finding.severity) == ("train-eval-gap", "error")
    assert " right in training, " in finding.message
    assert finding.evidence[1].values["cross_entropy_over_entropy"] > 1
    remedy = watched.engine.diagnosis(finding).remedy
    assert remedy is not None and remedy.kind == "settle-averages"


def test_averages_that_follow_are_silent() -> None:
    model = normalized(0.1)
    watched = validated(model, *far_off(), epochs=15, after=model.train)
    assert watched.alarms == {}


def test_validation_data_that_are_prepared_in_another_way() -> None:
    """No batch normalization, and no noise in the labels: the scaling is left out."""
    data, (x, y) = halves(blobs((400, 400), 2.0, features=4))
    model = large(4)
    watched = validated(model, data, (x * 20 + 90, y), epochs=15, after=model.train)
    finding = watched.first
    assert (finding.rule, finding.severity) == ("train-eval-gap", "error")
    assert "noisy-labels" not in watched.ever
    assert watched.engine.diagnosis(finding).remedy is None


def test_a_validation_that_leaves_the_model_in_evaluation_mode() -> None:
    watched = validated(normalized(0.1), *far_off(), epochs=15)
    finding = watched.finding("train-eval-gap")
    assert finding.severity == "warning"
    assert finding.message == "the model is trained in evaluation mode"
    # 16 batches of 25 in the first pass, then the first look that finds it so
    assert 17 <= finding.first_step <= 36
    remedy = watched.engine.diagnosis(finding).remedy
    assert remedy is not None and remedy.kind == "train-mode"


def test_a_part_that_is_kept_in_evaluation_mode_is_silent() -> None:
    model = nn.Sequential(normalized(0.1), nn.Linear(2, 16), nn.Dropout(0.2), nn.Linear(16, 2))

    def keep() -> None:
        model.train()
        model[0].eval()

    assert validated(model, *far_off(), epochs=15, after=keep).alarms == {}
