"""What is wired wrongly between model, labels and loss, really trained.

Rules: double-activation, missing-activation, labels-out-of-range, label-shape-broadcast and
label-encoding.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from tests.rules.programs import blobs, column, fit, mlp
from tests.rules.training import Watched, watch

Loss = Callable[[Tensor, Tensor], Tensor]


def run(model: nn.Module, loss: Loss, y: Callable[[Tensor], Tensor], classes: int = 2) -> Watched:
    x, labels = blobs((900 // classes,) * classes, 2.0)
    return watch(lambda: fit(model, loss, x, y(labels), lr=0.05, epochs=30, batch=30))


def index(y: Tensor) -> Tensor:
    return y


def one_hot(y: Tensor) -> Tensor:
    return nn.functional.one_hot(y).float()


def with_sigmoid(outputs: int = 1) -> nn.Module:
    return nn.Sequential(nn.Linear(2, outputs), nn.Sigmoid())


# -- double-activation -------------------------------------------------------------------------


def test_a_softmax_before_cross_entropy_that_still_learns_is_a_mismatch() -> None:
    model = nn.Sequential(nn.Linear(2, 3), nn.Softmax(dim=1))
    watched = run(model, nn.CrossEntropyLoss(), index, classes=3)
    finding, *symptoms = watched.findings
    assert (finding.rule, finding.severity, finding.first_step) == (
        "double-activation",
        "warning",
        1,
    )
    # such probabilities cannot get far from a constant answer's
    assert [symptom.explained_by for symptom in symptoms] == ["double-activation"] * len(symptoms)
    assert finding.message == "mismatch: softmax is applied twice"
    floor = math.log(1 + 2 / math.e)
    assert f"a perfect answer would still have {floor:.3f}" in finding.evidence[1].text
    measured = finding.evidence[1].values["cross_entropy_nats"]
    assert measured > floor
    remedy = watched.engine.diagnosis(finding).remedy
    assert remedy is not None
    assert remedy.values == {"activation": "softmax", "loss": "cross_entropy"}


def test_a_second_sigmoid_makes_all_predictions_class_1() -> None:
    watched = run(with_sigmoid(), nn.BCEWithLogitsLoss(), column)
    cause, symptom, *others = watched.findings
    assert (cause.rule, cause.severity) == ("double-activation", "error")
    assert {other.explained_by for other in others} <= {cause.rule}
    assert cause.message == "sigmoid is applied twice"
    assert cause.evidence[2].text.startswith("class 1: 100% of predictions, ")
    assert cause.evidence[2].values["label_share"] == pytest.approx(0.5, abs=0.05)
    assert (symptom.rule, symptom.explained_by) == ("single-class-predictions", cause.rule)


def test_two_sigmoids_before_bce_are_too_many() -> None:
    model = nn.Sequential(nn.Linear(2, 1), nn.Sigmoid(), nn.Sigmoid())
    assert run(model, nn.BCELoss(), column).first.rule == "double-activation"


@pytest.mark.parametrize(("classes", "floor"), [(2, 0.313), (10, 1.461)])
def test_the_lowest_possible_loss_is_that_of_a_perfect_answer(classes: int, floor: float) -> None:
    from collapse_magic.rules.double_activation import lowest_loss
    from tests.rules.hand_made import loss_facts

    perfect = torch.eye(classes)
    measured = nn.functional.cross_entropy(perfect, torch.arange(classes))
    facts = loss_facts(classes=classes)
    assert lowest_loss(facts, (1 / classes,) * classes) == pytest.approx(float(measured))
    assert float(measured) == pytest.approx(floor, abs=1e-3)


def test_the_lowest_possible_binary_loss_goes_by_the_labels() -> None:
    from collapse_magic.rules.double_activation import lowest_loss
    from tests.rules.hand_made import loss_facts

    labels = torch.tensor([1.0, 0.0, 0.0, 0.0])
    measured = nn.functional.binary_cross_entropy_with_logits(labels, labels)
    facts = loss_facts("binary_cross_entropy_with_logits")
    assert lowest_loss(facts, (0.75, 0.25)) == pytest.approx(float(measured))


# -- missing-activation ------------------------------------------------------------------------


def test_raw_outputs_into_the_negative_log_likelihood() -> None:
    watched = run(nn.Linear(2, 3), nn.NLLLoss(), index, classes=3)
    assert watched.first.rule == "missing-activation"
    assert watched.first.message == "raw outputs, not log-probabilities"
    remedy = watched.engine.diagnosis(watched.first).remedy
    assert remedy is not None
    assert (remedy.kind, remedy.values) == ("use-logits-loss", {"loss": "nll"})


def test_probabilities_into_the_negative_log_likelihood() -> None:
    model = nn.Sequential(nn.Linear(2, 3), nn.Softmax(dim=1))
    watched = run(model, nn.NLLLoss(), index, classes=3)
    assert watched.first.rule == "missing-activation"
    assert watched.first.message == "softmax outputs, not log-probabilities"


def test_raw_outputs_into_bce_raise_and_are_explained() -> None:
    watched = run(nn.Linear(2, 1), nn.BCELoss(), column)
    (finding,) = watched.findings
    assert (finding.rule, finding.confidence) == ("missing-activation", "certain")
    assert finding.message == "raw outputs, not probabilities"


# -- labels-out-of-range -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("labels", "message", "remedy", "values"),
    [
        (lambda y: 2 * column(y) - 1, "targets -1 to 1", "binarize-labels", {}),
        (lambda y: column(y) + 1, "targets 1 to 2", "shift-labels", {"offset": 1}),
        (lambda y: column(y) * 255, "targets 0 to 255", "binarize-labels", {}),
        (lambda y: column(y) * 2, "targets 0 to 2", "widen-output", {"classes": 3}),
    ],
)
def test_binary_targets_outside_0_to_1(
    labels: Callable[[Tensor], Tensor], message: str, remedy: str, values: dict[str, int]
) -> None:
    watched = run(nn.Linear(2, 1), nn.BCEWithLogitsLoss(), labels)
    assert watched.first.rule == "labels-out-of-range"
    assert watched.first.message == f"{message}; the loss takes 0 to 1"
    assert watched.first.first_step == 1
    assert {found.explained_by for found in watched.findings[1:]} <= {watched.first.rule}
    given = watched.engine.diagnosis(watched.first).remedy
    assert given is not None
    assert (given.kind, given.values) == (remedy, values)


@pytest.mark.parametrize(
    ("outputs", "shift", "remedy", "values"),
    [
        (3, 1, "shift-labels", {"offset": 1}),
        (2, 0, "widen-output", {"classes": 3}),
        (1, 0, "widen-output", {"classes": 3}),
        (3, -1, None, None),
    ],
)
def test_labels_that_name_no_output_raise_and_are_explained(
    outputs: int, shift: int, remedy: str | None, values: dict[str, int] | None
) -> None:
    watched = run(nn.Linear(2, outputs), nn.CrossEntropyLoss(), lambda y: y + shift, classes=3)
    (finding,) = watched.findings
    assert finding.rule == "labels-out-of-range"
    assert finding.message.startswith(f"labels {shift} to {2 + shift} for {outputs} output")
    given = watched.engine.diagnosis(finding).remedy
    assert (given.kind if given else None) == remedy
    assert (given.values if given else None) == values


def test_targets_of_2_raise_in_bce_and_are_explained() -> None:
    watched = run(with_sigmoid(), nn.BCELoss(), lambda y: column(y) + 1)
    assert [found.rule for found in watched.findings] == ["labels-out-of-range"]


# -- single-unit-softmax -----------------------------------------------------------------------


@pytest.mark.parametrize("loss", [nn.BCELoss(), nn.MSELoss(), nn.BCEWithLogitsLoss()])
def test_a_softmax_over_one_output(loss: Loss) -> None:
    watched = run(nn.Sequential(nn.Linear(2, 1), nn.Softmax(dim=1)), loss, column)
    cause = watched.first
    assert (cause.rule, cause.severity, cause.first_step) == ("single-unit-softmax", "error", 1)
    assert cause.message == "softmax over one output is always 1"
    assert cause.evidence[1].text.startswith("class 1: 100% of predictions, ")
    assert {found.explained_by for found in watched.findings[1:]} <= {cause.rule}
    remedy = watched.engine.diagnosis(cause).remedy
    drops = isinstance(loss, nn.BCEWithLogitsLoss)
    assert remedy is not None
    assert remedy.kind == ("drop-activation" if drops else "replace-output-activation")


def test_one_of_two_outputs_of_a_softmax_is_a_probability() -> None:
    class First(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.both = nn.Linear(2, 2)

        def forward(self, x: Tensor) -> Tensor:
            return self.both(x).softmax(dim=1)[:, 1:]

    assert run(First(), nn.BCELoss(), column).findings == ()


# -- label-shape-broadcast ---------------------------------------------------------------------


@pytest.mark.filterwarnings("ignore:Using a target size")
@pytest.mark.parametrize("regression", [False, True])
def test_outputs_in_a_column_against_labels_in_a_row(regression: bool) -> None:
    x, y = blobs((450, 450), 2.0)
    targets = x.sum(dim=1) if regression else y.float()
    watched = watch(lambda: fit(mlp(1), nn.MSELoss(), x, targets, lr=0.01, epochs=5, batch=30))
    finding = watched.first
    assert (finding.rule, finding.severity) == ("label-shape-broadcast", "error")
    assert finding.message == "outputs (30, 1), targets (30,)"
    assert finding.evidence[0].text == "broadcast to (30, 30): 900 pairs, 30 samples"
    remedy = watched.engine.diagnosis(finding).remedy
    assert remedy is not None
    assert remedy.values == {"argument": "input", "operation": "squeeze", "dim": 1, "rank": 2}


@pytest.mark.parametrize(
    ("loss", "outputs", "labels", "argument"),
    [
        (nn.BCEWithLogitsLoss(), 1, lambda y: y.float(), "input"),
        (nn.CrossEntropyLoss(), 2, lambda y: y.unsqueeze(1), "target"),
    ],
)
def test_shapes_that_a_loss_refuses_are_explained(
    loss: Loss, outputs: int, labels: Callable[[Tensor], Tensor], argument: str
) -> None:
    watched = run(nn.Linear(2, outputs), loss, labels)
    (finding,) = watched.findings
    assert finding.rule == "label-shape-broadcast"
    remedy = watched.engine.diagnosis(finding).remedy
    assert remedy is not None
    assert remedy.values == {"argument": argument, "operation": "squeeze", "dim": 1, "rank": 2}


# -- label-encoding ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("loss", "outputs", "labels", "message", "kind"),
    [
        (
            nn.CrossEntropyLoss(),
            2,
            lambda y: y.float(),
            "labels are float32; the loss wants int64",
            "cast-labels",
        ),
        (
            nn.CrossEntropyLoss(),
            2,
            lambda y: nn.functional.one_hot(y),
            "labels are int64; the loss wants float32",
            "cast-labels",
        ),
        (
            nn.BCEWithLogitsLoss(),
            1,
            lambda y: y.unsqueeze(1),
            "labels are int64; the loss wants float32",
            "cast-labels",
        ),
        (
            nn.BCEWithLogitsLoss(),
            2,
            lambda y: y.float(),
            "class indices; the loss wants 2 columns",
            "widen-output",
        ),
        (
            nn.CrossEntropyLoss(),
            1,
            torch.zeros_like,
            "cross_entropy over one output is always 0",
            "widen-output",
        ),
    ],
)
def test_labels_in_another_form_than_the_loss_reads(
    loss: Loss, outputs: int, labels: Callable[[Tensor], Tensor], message: str, kind: str
) -> None:
    watched = run(nn.Linear(2, outputs), loss, labels)
    assert (watched.first.rule, watched.first.message) == ("label-encoding", message)
    remedy = watched.engine.diagnosis(watched.first).remedy
    assert remedy is not None
    assert remedy.kind == kind


# -- cured, and what only looks alike ------------------------------------------------------------


@pytest.mark.parametrize(
    ("model", "loss", "labels"),
    [
        (lambda: nn.Linear(2, 2), nn.CrossEntropyLoss(), index),
        (lambda: nn.Linear(2, 1), nn.BCEWithLogitsLoss(), column),
        (with_sigmoid, nn.BCELoss(), column),
        (lambda: nn.Sequential(nn.Linear(2, 2), nn.LogSoftmax(1)), nn.NLLLoss(), index),
        (lambda: nn.Sequential(nn.Linear(2, 2), nn.LogSoftmax(1)), nn.CrossEntropyLoss(), index),
        (lambda: nn.Linear(2, 2), nn.CrossEntropyLoss(), one_hot),
        (lambda: nn.Linear(2, 2), nn.CrossEntropyLoss(label_smoothing=0.1), index),
        (lambda: nn.Linear(2, 1), nn.BCEWithLogitsLoss(), lambda y: 0.9 * column(y) + 0.05),
        (with_sigmoid, nn.MSELoss(), column),
        (
            lambda: nn.Linear(2, 2),
            nn.CrossEntropyLoss(ignore_index=-100),
            lambda y: y.where(torch.arange(len(y)) % 5 > 0, torch.tensor(-100)),
        ),
        (
            lambda: nn.Sequential(nn.Linear(2, 2), nn.Softmax(dim=1)),
            nn.BCELoss(),
            lambda y: torch.stack([y > 0, y > -1], dim=1).float(),
        ),
    ],
    ids=[
        "cross entropy", "bce on logits", "bce", "nll", "log_softmax twice", "one-hot",
        "label smoothing", "soft labels", "mse on purpose", "ignored labels", "multi-label softmax",
    ],
)  # fmt: skip
def test_what_fits_together_stays_silent(
    model: Callable[[], nn.Module], loss: Loss, labels: Callable[[Tensor], Tensor]
) -> None:
    assert run(model(), loss, labels).alarms == {}
