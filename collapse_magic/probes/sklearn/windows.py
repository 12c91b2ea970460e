"""Answers and labels as a `PredictionWindow`."""

from __future__ import annotations

import math

from ...records import PredictionWindow
from .. import windows
from .looking import Array, Outputs


def window(
    site: str,
    outputs: Outputs,
    labels: Array,
    *,
    steps: tuple[int, int],
    batches: int = 1,
    one_in: int = 1,
    single: int = 0,
) -> PredictionWindow:
    """Labels (n,) are indices of classes. Margins rank the samples, and tell no probabilities."""
    q = windows.multiclass(outputs.scores, labels, None, outputs.predicted)
    classes = outputs.scores.shape[1]
    known = outputs.probabilities
    return PredictionWindow(
        site=site,
        phase="train",
        first_step=steps[0],
        last_step=steps[1],
        batches=batches,
        one_in=one_in,
        samples=q.samples,
        labels=q.labels,
        predicted=q.predicted,
        correct=q.correct,
        cross_entropy_nats=q.cross_entropy_nats if known else math.nan,
        mean_probability=q.mean_probability if known else (math.nan,) * classes,
        pull=q.pull,
        spread=q.spread,
        rank=q.rank,
        confused=q.confused,
        outside_unit=math.nan,
        input_row_sums_to_one=known,
        out_of_range=0,
        single_class_batches=single,
    )
