"""Whether a report calls a run collapsed, from real training."""

from __future__ import annotations

import torch
from torch import nn

from collapse_magic.report import Report
from collapse_magic.reporting import build_report
from tests.rules.programs import blobs, column, fit
from tests.rules.training import Watched, watch


def rare_and_frequent(epochs: int, **loss: torch.Tensor) -> Watched:
    x, y = blobs((1900, 100), 0.7)
    criterion = nn.BCEWithLogitsLoss(**loss)
    return watch(lambda: fit(nn.Linear(2, 1), criterion, x, column(y), 0.1, epochs))


def report_of(watched: Watched) -> Report:
    return build_report(
        watched.history,
        watched.engine,
        watched.findings,
        run="run",
        steps=watched.history.steps,
        seconds=1.0,
        cost=0.0,
        logdir=None,
        notes=(),
        finished=True,
        class_names=None,
        with_trace=False,
    )


def test_an_imbalance_that_leaves_one_class_is_a_collapse() -> None:
    watched = rare_and_frequent(60)
    assert [(f.rule, f.severity) for f in watched.findings] == [("class-imbalance", "error")]
    report = report_of(watched)
    assert report.predictions[0].predicted_share[0] >= 0.995
    assert report.collapsed


def test_both_classes_in_the_answers_are_no_collapse() -> None:
    assert not report_of(rare_and_frequent(60, pos_weight=torch.tensor(19.0))).collapsed


def test_one_class_without_a_standing_error_is_no_collapse() -> None:
    watched = rare_and_frequent(3)
    assert watched.alarms == {}
    report = report_of(watched)
    assert report.predictions[0].predicted_share[0] >= 0.995
    assert not report.collapsed
