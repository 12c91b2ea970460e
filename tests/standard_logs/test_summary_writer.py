"""Real trainings that log through SummaryWriter: what is found, and what stays silent."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
import torch
from tensorboard_plugin_collapse.run_logs import read_runs
from tensorboard_plugin_collapse.standard_summaries.derive import derive
from tensorboard_plugin_collapse.standard_summaries.training import trainings
from torch import nn

from tests.support.standard_events import EventWriter

from .logged import CLASSES, FEATURES, blobs, found, marked, mlp, report_of, train


@pytest.fixture(autouse=True)
def seeded() -> None:
    torch.manual_seed(0)


def sgd(model: nn.Module, lr: float = 0.1) -> torch.optim.Optimizer:
    return torch.optim.SGD(model.parameters(), lr=lr)


# -- silence ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("per_batch", [True, False])
def test_a_healthy_training_is_silent(tmp_path: Path, seed: int, per_batch: bool) -> None:
    torch.manual_seed(seed)
    model = mlp()
    train(tmp_path, model, sgd(model), histograms=True, curves=True, per_batch=per_batch)
    report = report_of(tmp_path)
    assert report.findings == ()
    assert "not-learning" in report.clear
    assert "single-class-predictions" in report.clear
    assert report.skipped["class-imbalance"] == "standard summaries do not show it"
    assert report.verdict.startswith("no problem found in ")
    assert any("%%watch_training" in note for note in report.notes)


def test_a_converged_training_on_few_held_out_samples_is_silent(tmp_path: Path) -> None:
    """GIVEN noisy labels and 20 samples to evaluate with, whose answers soon stay as they are."""
    model = nn.Linear(FEATURES, CLASSES)
    data, held_out = blobs(480, noise=0.3), blobs(20, seed=3, noise=0.3)
    train(tmp_path, model, sgd(model, 0.05), data=data, held_out=held_out, epochs=25)
    assert found(report_of(tmp_path)) == {}


def test_a_schedule_that_ends_near_zero_is_silent(tmp_path: Path) -> None:
    model = mlp()
    optimizer = sgd(model)
    cosine = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, 15 * 15)
    train(tmp_path, model, optimizer, scheduler=cosine)
    assert found(report_of(tmp_path)) == {}


def test_a_warm_up_that_still_rises_is_silent(tmp_path: Path) -> None:
    model = mlp()
    optimizer = sgd(model, 1e-4)
    slow = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: 1e-3 * (step + 1))
    train(tmp_path, model, optimizer, scheduler=slow, per_batch=False)
    assert found(report_of(tmp_path)) == {}


def test_a_regression_is_silent(tmp_path: Path) -> None:
    from torch.utils.tensorboard import SummaryWriter

    model = nn.Linear(4, 1)
    optimizer = sgd(model, 0.01)
    x = torch.randn(200, 4)
    y = x.sum(1, keepdim=True) + 0.5 * torch.randn(200, 1)
    with SummaryWriter(str(tmp_path)) as writer:
        for step in range(300):
            loss = nn.functional.mse_loss(model(x), y)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            writer.add_scalar("loss", loss.item(), step)
    assert found(report_of(tmp_path)) == {}


# -- what is wrong ---------------------------------------------------------------------------------


def test_a_constant_answer_on_uneven_labels_is_not_learning(tmp_path: Path) -> None:
    """GIVEN 80% of one class and inputs that say nothing: what the last layer can learn are the
    label shares."""
    draw = torch.Generator().manual_seed(4)
    x, y = torch.zeros(400, FEATURES), (torch.rand(400, generator=draw) > 0.8).long()
    model = nn.Linear(FEATURES, 2)
    train(tmp_path, model, sgd(model), data=(x, y), held_out=(x[:200], y[:200]), epochs=30)
    report = report_of(tmp_path)
    assert found(report) == {"not-learning": "warning"}
    assert marked(report)
    (finding,) = report.findings
    share = (y[:200] == 0).float().mean().item()
    values = finding.evidence[1].values
    assert math.isclose(
        values["constant_answer"],
        -share * math.log(share) - (1 - share) * math.log(1 - share),
        rel_tol=0.15,  # of the train or of the evaluation data, which differ a little
    )
    assert not report.collapsed


def test_guessing_among_even_classes_is_not_learning(tmp_path: Path) -> None:
    model = nn.Sequential(nn.Linear(FEATURES, CLASSES), nn.Flatten())
    x, _ = blobs(480)
    y = torch.arange(480) % CLASSES
    labels_of_others = y[torch.randperm(480)]
    train(
        tmp_path, model, sgd(model, 0.01), data=(x, labels_of_others), epochs=20, histograms=True,
        held_out=(x[:90], y[:90]),
    )  # fmt: skip
    report = report_of(tmp_path)
    assert found(report) == {"not-learning": "warning"}
    assert "guessing one of 3 classes" in report.findings[0].message
    assert marked(report)


def test_overfitting_is_seen_in_the_held_out_loss(tmp_path: Path) -> None:
    """GIVEN a large model, few samples and labels of which a third is noise."""
    model = mlp(hidden=256)
    train(
        tmp_path, model, torch.optim.Adam(model.parameters(), lr=0.01), data=blobs(90, noise=0.4),
        held_out=blobs(300, seed=5, noise=0.4), epochs=60,
    )  # fmt: skip
    report = report_of(tmp_path)
    assert set(found(report)) <= {"overfitting"}
    (finding,) = report.findings
    assert finding.rule == "overfitting"
    assert finding.evidence[0].values["loss"] > 1.25 * finding.evidence[0].values["at_best"]
    assert marked(report)


def test_the_first_nan_is_named_with_its_step(tmp_path: Path) -> None:
    def spoil(step: int, model: nn.Module) -> None:
        if step == 70:
            model[0].weight.data[0, 0] = math.nan  # type: ignore[index, union-attr]

    model = mlp()
    train(tmp_path, model, sgd(model), spoil=spoil)
    report = report_of(tmp_path)
    assert report.findings[0].rule == "non-finite"
    assert report.findings[0].first_step == 70
    assert report.findings[0].confidence == "likely"
    assert report.findings[0].message == "nan in the loss at step 70"
    assert marked(report)


def test_a_nan_that_passes_is_silent(tmp_path: Path) -> None:
    """GIVEN one batch without a loss, as one that is wholly masked gives."""
    from torch.utils.tensorboard import SummaryWriter

    with SummaryWriter(str(tmp_path)) as writer:
        for step in range(50):
            writer.add_scalar("train/loss", math.nan if step == 20 else 2.0 / (1 + step), step)
    assert found(report_of(tmp_path)) == {}


def test_a_rate_that_reaches_zero_at_once_is_found(tmp_path: Path) -> None:
    """GIVEN a schedule made for epochs that is stepped in every batch."""
    model = mlp(hidden=64)
    optimizer = sgd(model, 0.003)
    schedule = torch.optim.lr_scheduler.ExponentialLR(optimizer, 0.5)
    train(tmp_path, model, optimizer, scheduler=schedule, epochs=20)
    report = report_of(tmp_path)
    assert report.findings[0].rule == "learning-rate-too-low"
    assert report.findings[0].first_step == 10  # .5 ** 10 is the first below a thousandth
    assert "lr: 0.003" in report.findings[0].evidence[0].text
    assert marked(report)


def test_gradients_that_vanish_are_found_in_their_histograms(tmp_path: Path) -> None:
    model = mlp(depth=8, activation=nn.Sigmoid)
    train(tmp_path, model, sgd(model, 0.05), histograms=True, epochs=20)
    report = report_of(tmp_path)
    assert report.findings[0].rule == "vanishing-gradients"
    # The norm in the log is that of the parameters' gradients, measured here anew.
    x, y = blobs(480)
    nn.functional.cross_entropy(model(x), y).backward()
    first = model[0]
    assert isinstance(first, nn.Linear)
    assert report.findings[0].evidence[0].values["first"] < 1e-4
    assert {f.rule: f.explained_by for f in report.findings}.get("not-learning") in (
        None,
        "vanishing-gradients",
    )
    assert marked(report)


def test_gradients_that_explode_are_found_in_their_histograms(tmp_path: Path) -> None:
    model = mlp(depth=3)

    def spoil(step: int, model: nn.Module) -> None:
        if step > 150:
            for parameter in model.parameters():
                parameter.data.mul_(1.5)

    train(tmp_path, model, sgd(model, 1e-3), histograms=True, spoil=spoil)
    report = report_of(tmp_path)
    assert report.findings[0].rule == "exploding-gradients"
    assert report.findings[0].first_step > 150
    assert marked(report)


def test_one_class_is_seen_in_curves_that_degenerate(tmp_path: Path) -> None:
    """GIVEN a last layer whose input is dead: every sample gets the same probabilities."""
    model = mlp()
    hidden = model[0]
    assert isinstance(hidden, nn.Linear)
    nn.init.constant_(hidden.bias, -1e3)
    train(tmp_path, model, sgd(model, 0.01), curves=True)
    report = report_of(tmp_path)
    assert "single-class-predictions" in found(report)
    assert report.collapsed
    assert marked(report)


def test_norms_are_those_of_the_parameters(tmp_path: Path) -> None:
    """The histogram's sums are exact: the layers' norms are those of the model as it was left."""
    from .logged import runs_of

    model = mlp()
    train(tmp_path, model, sgd(model, 0.0), histograms=True, epochs=1)
    run = runs_of(tmp_path)["."]
    assert run.report is not None
    from tensorboard_plugin_collapse.run_logs import read_runs
    from tensorboard_plugin_collapse.standard_summaries.training import trainings

    (training,) = trainings([each.summaries for each in read_runs(tmp_path)])
    assert [layer.name for layer in training.layers] == ["0", "2"]
    for layer, index in zip(training.layers, (0, 2), strict=True):
        linear = model[index]
        assert isinstance(linear, nn.Linear)
        norm = math.hypot(linear.weight.norm().item(), linear.bias.norm().item())
        assert layer.weight is not None
        assert math.isclose(layer.weight.values[-1], norm, rel_tol=1e-5)
        assert layer.size == linear.weight.numel() + linear.bias.numel()
    assert training.classes == CLASSES


def test_the_loss_of_the_training_comes_before_that_of_the_evaluation(tmp_path: Path) -> None:
    with EventWriter(tmp_path / "run") as log:
        for step in range(1, 61):
            log.scalar("train/loss", step, 1 / step)
            if step % 20 == 0:
                log.scalar("val/loss", step, 2 / step)
    (run,) = read_runs(tmp_path)
    (one,) = trainings([run.summaries])
    assert [tag for tag in derive(one).series if tag.startswith("loss/")] == [
        "loss/train_loss",
        "loss/val_loss",
    ]
