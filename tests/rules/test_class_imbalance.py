"""class-imbalance, really trained."""

from __future__ import annotations

import re

import pytest
import torch
from torch import nn

from collapse_magic.history import WindowTotal
from tests.rules.programs import blobs, column, fit, mlp
from tests.rules.training import Watched, watch

RULE = "class-imbalance"


def story(loss: nn.Module, model: nn.Module, epochs: int = 25) -> Watched:
    """900 points around (0, 0), 100 around (2, 2); one linear layer; rate .01, batches of ten."""
    x, y = blobs((900, 100), 2.0)
    return watch(lambda: fit(model, loss, x, column(y), lr=0.01, epochs=epochs, batch=10))


def recalls(watched: Watched, samples: int = 2000) -> tuple[float, ...]:
    (site,) = watched.history.sites()
    total = watched.history.total(site, "train", samples)
    assert isinstance(total, WindowTotal)
    return total.recall


def test_the_first_story_is_named_with_its_numbers() -> None:
    # GIVEN 900 against 100 points, one linear layer, sigmoid and BCELoss
    torch.manual_seed(0)
    watched = story(nn.BCELoss(), nn.Sequential(nn.Linear(2, 1), nn.Sigmoid()))

    # THEN class-imbalance is what is found, with recalls, ratio and pull
    (finding,) = watched.findings
    assert (finding.rule, finding.code, finding.resolved_step) == (RULE, "CM301", None)
    found, cases = (int(word) for word in finding.message.split() if word.isdigit() and word != "1")
    assert found / cases == pytest.approx(recalls(watched)[1], abs=0.05)
    assert 0.4 < found / cases < 0.8
    counts, recall, pull = (evidence.text for evidence in finding.evidence)
    assert re.fullmatch(
        r"labels 9\.0 to 1; predictions 9\d\.\d% class 0; loss fell \d\d% anyway", counts
    )
    assert "for class 1, 9" in recall
    assert "of the gradient at the logits at first" in pull
    assert finding.evidence[2].values["pull_at_first"] > 0.8

    # and the remedy holds the measured ratio
    remedy = watched.engine.diagnosis(finding).remedy
    assert remedy is not None
    assert remedy.kind == "weigh-classes"
    assert remedy.values == {
        "loss": "binary_cross_entropy",
        "task": "binary",
        "weights": [0.56, 5.0],
        "pos_weight": 9.0,
    }


def test_the_cure_of_the_story_lifts_the_recall_and_is_silent() -> None:
    weight = torch.tensor(9.0)
    torch.manual_seed(0)
    watched = story(nn.BCEWithLogitsLoss(pos_weight=weight), nn.Linear(2, 1))
    assert watched.alarms == {}
    assert recalls(watched)[1] > 0.9


def test_a_minority_that_is_never_found_is_an_error() -> None:
    x, y = blobs((950, 50), 1.2)
    watched = watch(lambda: fit(nn.Linear(2, 1), nn.BCEWithLogitsLoss(), x, column(y), epochs=40))
    assert watched.first.rule == RULE
    assert watched.first.severity == "error"
    assert recalls(watched)[1] < 0.1


def test_a_rare_third_class_is_named_among_three() -> None:
    x, y = blobs((500, 450, 50), 1.2)
    watched = watch(lambda: fit(nn.Linear(2, 3), nn.CrossEntropyLoss(), x, y, epochs=60))
    assert watched.first.rule == RULE
    assert watched.first.message.startswith("class 2 is found in")
    remedy = watched.engine.diagnosis(watched.first).remedy
    assert remedy is not None
    assert remedy.values["weights"] == [0.67, 0.74, 6.7]
    assert "pos_weight" not in remedy.values


def test_weights_that_are_given_and_do_not_help_are_not_given_again() -> None:
    """A weight the wrong way round: the rare class is all but given up."""
    x, y = blobs((900, 100), 2.0)
    loss = nn.BCEWithLogitsLoss(pos_weight=torch.tensor(0.11))
    watched = watch(lambda: fit(nn.Linear(2, 1), loss, x, column(y), epochs=40))
    assert watched.first.rule == "misweighted-loss"
    finding = watched.finding(RULE)
    assert (finding.confidence, finding.explained_by) == ("to check", "misweighted-loss")
    assert watched.engine.diagnosis(finding).remedy is None


@pytest.mark.parametrize(
    ("counts", "distance", "rate"),
    [
        ((500, 500), 2.0, 0.1),  # balanced
        ((900, 100), 5.0, 0.1),  # well separated
        ((900, 100), 5.0, 0.005),  # well separated, on its way
        ((950, 50), 4.0, 0.1),  # a good model
        ((500, 500), 0.3, 0.1),  # balanced and hard
    ],
)
def test_look_alikes_stay_silent(counts: tuple[int, int], distance: float, rate: float) -> None:
    x, y = blobs(counts, distance)
    watched = watch(lambda: fit(mlp(1), nn.BCEWithLogitsLoss(), x, column(y), lr=rate, epochs=30))
    assert watched.alarms == {}


def slow_start(epochs: int) -> Watched:
    """The minority is found nowhere at first, for the bias learns before the weights do."""
    x, y = blobs((900, 100), 5.0)
    model = nn.Linear(2, 1)
    with torch.no_grad():
        model.bias.fill_(-6.0)
        model.weight.fill_(0.01)
    loss = nn.BCEWithLogitsLoss()
    return watch(lambda: fit(model, loss, x, column(y), lr=0.005, epochs=epochs))


def test_a_slow_start_is_no_imbalance() -> None:
    watched = slow_start(epochs=60)
    first = WindowTotal(watched.history.windows("binary_cross_entropy_with_logits")[0])
    assert first.recall[1] == 0
    assert watched.alarms == {}
    assert recalls(watched)[1] > 0.9


def test_a_run_that_ends_on_its_way_ends_with_a_note() -> None:
    watched = slow_start(epochs=10)
    assert watched.alarms == {}
    assert (watched.first.rule, watched.first.severity) == (RULE, "info")
    assert watched.first.confidence == "to check"
    assert recalls(watched)[1] < 0.2
