"""What two reports say of a fix."""

from __future__ import annotations

import dataclasses
import math

from collapse_magic.findings import Finding
from collapse_magic.report import PredictionSummary, Report
from collapse_magic.reporting import bare_report
from collapse_magic.trial.comparison import compare
from tests.render.reports import IMBALANCE, SYMPTOM

SITE = IMBALANCE.site or "loss"
WAS = PredictionSummary(
    SITE,
    "train",
    ("cat", "dog", "owl"),
    500,
    (0.5, 0.4, 0.1),
    (0.98, 0.02, 0),
    (0.99, 0.04, 0),
    1.0,
)
BECAME = dataclasses.replace(
    WAS,
    predicted_share=(0.45, 0.46, 0.09),
    recall=(0.8, 0.9, 0.7),
    cross_entropy_over_entropy=0.25,
)


def report(*findings: Finding, predictions: PredictionSummary | None = None) -> Report:
    made = dataclasses.replace(bare_report("r", (), True), steps=300, findings=findings)
    return dataclasses.replace(made, predictions=() if predictions is None else (predictions,))


def test_the_measures_are_those_of_the_last_predictions() -> None:
    made = compare((IMBALANCE,), "t", report(predictions=WAS), report(predictions=BECAME))
    found = {m.name: (m.before, m.after, m.detail) for m in made.measures}
    assert found["most predicted"] == (0.98, 0.46, "class cat → dog")
    assert found["its share of labels"][:2] == (0.5, 0.4)
    assert found["recall of the rarest"] == (0, 0.7, "class owl")
    before, after, _ = found["balanced accuracy"]
    assert math.isclose(before, 1.03 / 3) and math.isclose(after, 0.8)
    assert found["loss / label entropy"][:2] == (1.0, 0.25)
    assert found["balanced accuracy"][2] == "chance 33.3%"
    assert found["loss / label entropy"][2] == "weighed: not comparable"


def test_a_finding_that_is_gone_is_cured_and_what_remains_is_named() -> None:
    standing = report(IMBALANCE, SYMPTOM)
    gone = compare((IMBALANCE,), "t", standing, report())
    assert gone.cured and gone.verdict.endswith(
        "is gone after 300 steps, and nothing else was found"
    )
    half = compare((IMBALANCE,), "t", standing, report(SYMPTOM))
    assert half.cured and f"what remains: {SYMPTOM.code} {SYMPTOM.rule}" in half.verdict
    both = compare((IMBALANCE, SYMPTOM), "t", standing, report())
    assert both.cured and "are gone" in both.verdict


def test_a_finding_that_stands_or_never_came_is_not_cured() -> None:
    standing = report(IMBALANCE)
    same = compare((IMBALANCE,), "t", standing, standing)
    assert not same.cured and "stands with the fix as well" in same.verdict
    never = compare((IMBALANCE,), "t", report(), report())
    assert not never.cured and "did not appear in 300 steps without the fix" in never.verdict


def test_runs_without_predictions_are_compared_by_their_findings() -> None:
    made = compare((IMBALANCE,), "t", report(IMBALANCE), report())
    assert made.measures == () and made.cured
