"""What the source says of the reading of outputs, against what the training shows of them."""

from __future__ import annotations

import math
from typing import Any

import pytest

from collapse_magic.findings import Diagnosis
from collapse_magic.records import OutputReading, RunStarted
from collapse_magic.rules import RULES
from collapse_magic.rules.wrong_threshold import WrongThreshold

from .hand_made import history_of, loss_facts, model_facts, window

LOGITS = {"loss": "binary_cross_entropy_with_logits", "input_shape": (32, 1)}
PROBABILITIES = {
    "loss": "binary_cross_entropy",
    "input_shape": (32, 1),
    "activations": ("sigmoid",),
}


def reading(how: Any, threshold: float = math.nan, *activations: str, **more: Any) -> OutputReading:
    values: dict[str, Any] = {
        "model": "model",
        "how": how,
        "threshold": threshold,
        "activations": activations,
        "cell": 4,
        "line": 7,
        "column": 4,
    }
    return OutputReading(**{**values, **more})


def diagnosed(*read: OutputReading, facts: Any = LOGITS, outputs: int = 1, **changes: Any) -> Any:
    changes = {"rank": 0.95, **changes}
    history = history_of(
        RunStarted("run", 0.0, "torch", 5, None),
        *read,
        model_facts(outputs=outputs),
        loss_facts(**facts),
        *[window(index, **changes) for index in range(4)],
    )
    found: list[Diagnosis] = [*WrongThreshold().check(history)]
    assert len(found) <= 1
    return found[0] if found else None


@pytest.mark.parametrize(
    ("read", "facts", "message", "wanted"),
    [
        (reading("argmax"), LOGITS, "an argmax over one output is always 0", 0.0),
        (reading("argmax"), PROBABILITIES, "an argmax over one output is always 0", 0.5),
        (reading("threshold", 0.5), LOGITS, "logits are compared with 0.5", 0.0),
        (
            reading("threshold", 0.0, "sigmoid"),
            PROBABILITIES,
            "probabilities are compared with 0",
            0.5,
        ),
        (reading("threshold", 0.0, "sigmoid"), LOGITS, "probabilities are compared with 0", 0.5),
    ],
)
def test_readings_that_do_not_fit_the_outputs(
    read: OutputReading, facts: Any, message: str, wanted: float
) -> None:
    found = diagnosed(read, facts=facts)
    assert (found.message, found.severity, found.target) == (message, "warning", "reading")
    assert found.remedy.values["wanted"] == wanted
    assert (found.remedy.values["cell"], found.remedy.values["watched"]) == (4, 5)
    assert found.evidence[1].values["rank"] == pytest.approx(0.95)


@pytest.mark.parametrize(
    ("read", "facts"),
    [
        (reading("threshold", 0.0), LOGITS),
        (reading("threshold", 0.5, "sigmoid"), LOGITS),
        (reading("threshold", 0.5), PROBABILITIES),
        (reading("threshold", 0.3), LOGITS),
        (reading("ranking"), LOGITS),
        (reading("argmax", model="other"), LOGITS),
    ],
)
def test_readings_that_fit_or_that_are_chosen_are_silent(read: OutputReading, facts: Any) -> None:
    assert diagnosed(read, facts=facts) is None


def test_an_argmax_over_several_outputs_is_how_it_is_done() -> None:
    facts = {"loss": "cross_entropy", "input_shape": (32, 2)}
    assert diagnosed(reading("argmax"), facts=facts, outputs=2) is None


def test_where_the_training_fails_the_reading_is_not_what_is_wrong() -> None:
    failed = {"recall": (1.0, 0.0), "rank": 0.5, "spread": 1e-4, "cross_entropy_nats": 0.6932}
    assert diagnosed(reading("argmax"), **failed) is None


def test_of_two_ways_to_a_reading_nobody_knows_which_it_is() -> None:
    either = reading("threshold", 0.5), reading("threshold", 0.5, "sigmoid")
    assert diagnosed(*either) is None
    assert diagnosed(either[0], reading("threshold", 0.5, "sigmoid", line=9)) is not None


def imbalance(*read: OutputReading) -> Diagnosis:
    history = history_of(
        *read,
        model_facts(outputs=1),
        loss_facts(**LOGITS),
        *[
            window(index, labels=(900, 100), recall=(1.0, 0.0), cross_entropy_nats=0.25)
            for index in range(8)
        ],
    )
    (rule,) = (rule for rule in RULES if rule.name == "class-imbalance")
    (found,) = rule.check(history)
    return found


def test_a_rare_class_that_is_never_found_is_a_note_where_scores_are_only_ranked() -> None:
    assert imbalance().severity == "error"
    assert imbalance(reading("threshold", 0.0), reading("ranking", line=8)).severity == "error"
    ranked = imbalance(reading("ranking"))
    assert (ranked.severity, ranked.confidence) == ("info", "to check")
