"""Answers that follow no input, by precision-recall curves that degenerate."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from collapse_magic.statistics import percent

from .seen import Seen, fact
from .summaries import PrCurve
from .training import Training

# Enough of both, that the shares below are no accident.
SAMPLES = 200
OF_EACH = 20
# "All or nearly none" at every threshold, alike for both classes: one in 200 may differ, as for the
# gate that predictions have to pass.
ALL = 0.995
RUNNING = 2
CURVES = 3


def single_class(training: Training) -> Iterable[Seen]:
    """Every class' scores lie between the same two thresholds, whatever the sample is."""
    judged = {name: kept for name, kept in training.curves if len(kept) >= CURVES}
    if not judged or not all(_degenerate(kept[-RUNNING:]) for kept in judged.values()):
        return
    name, kept = next(iter(judged.items()))
    last = kept[-1]
    positive, negative = _sizes(last)
    jump = int(np.sum(last.true_positives + last.false_positives >= ALL * (positive + negative)))
    since = next(i for i in range(len(kept)) if _degenerate(kept[i:]))
    yield Seen(
        "all samples get the same score",
        (
            fact(
                f"{name}: all {positive + negative:,.0f} samples above threshold {jump} of "
                f"{len(last.true_positives)}, none above the next",
                {"samples": positive + negative, "thresholds": len(last.true_positives)},
            ),
            fact(
                f"{percent(positive / (positive + negative))} of them are positive; curves alike: "
                f"{len(judged)} of {len(training.curves)}",
                {"positive": positive / (positive + negative)},
            ),
        ),
        tuple(judged)[:3],
        last.step,
        kept[since].step,
    )


def _sizes(curve: PrCurve) -> tuple[float, float]:
    """(positive samples, negative samples)"""
    return (
        float(curve.true_positives[0] + curve.false_negatives[0]),
        float(curve.false_positives[0] + curve.true_negatives[0]),
    )


def _degenerate(curves: Sequence[PrCurve]) -> bool:
    return all(map(_is_constant, curves))


def _is_constant(curve: PrCurve) -> bool:
    positive, negative = _sizes(curve)
    if positive + negative < SAMPLES or min(positive, negative) < OF_EACH:
        return False
    hit, alarm = curve.true_positives / positive, curve.false_positives / negative
    if not (np.isfinite(hit).all() and np.isfinite(alarm).all()):
        return False
    above = (hit >= ALL) & (alarm >= ALL)
    below = (hit <= 1 - ALL) & (alarm <= 1 - ALL)
    return bool((above | below).all())
