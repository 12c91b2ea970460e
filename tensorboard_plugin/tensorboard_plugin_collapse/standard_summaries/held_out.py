"""Training against evaluation: overfitting, and a gap that is there from the start."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

from collapse_magic.rules.overfitting import BETTER_BY, WORSE_BY, WORSE_BY_AT_LEAST
from collapse_magic.rules.train_eval_gap import GAP
from collapse_magic.statistics import number, percent

from .seen import Seen, before, fact, first_value, middle, share
from .training import Metric, Training

# The best evaluation, and enough behind it to tell a rise from a bad one.
MOST_TO_LEAST_EVALUATIONS = 5
LATE_EVALUATIONS = 2
# Accuracy lost since the best evaluation: what one evaluation differs from the next by, twice, and
# two points at least.
LOST = 0.02
NOISES = 2.0
GAP_EVALUATIONS = 4
# One class in evaluation is right in half of a balanced pair of classes, in less of more classes.
FAR_BELOW = 0.6

Array = npt.NDArray[np.float64]


def overfitting(training: Training) -> Iterable[Seen]:
    """Evaluation got clearly worse than it was at best, while training went on to improve."""
    pair = training.pair
    if pair is None or training.contested:
        return
    train, held = pair
    line = held.line.finite
    if len(line) < MOST_TO_LEAST_EVALUATIONS:
        return
    best = int(np.argmin(line.values))
    cost = float(line.values[best])
    late = line.values[best + 1 :][(len(line) - best - 1) // 2 :]
    bound = max(WORSE_BY * cost, cost + WORSE_BY_AT_LEAST)
    then, now = before(train.line, line.walls[[best, -1]])
    if len(late) < LATE_EVALUATIONS or not (late > bound).all() or not now < BETTER_BY * then:
        return
    lost = _accuracy_lost(training, float(line.walls[best]))
    step = int(line.steps[best])
    evidence = [
        fact(
            f"{held.name}: {number(float(line.values[-1]))}, {number(cost)} at best",
            {"loss": float(line.values[-1]), "at_best": cost},
        ),
        fact(f"{train.name}: {number(now)}, {number(then)} then", {"loss": now, "then": then}),
    ]
    if lost is not None:
        name, accuracy, at_best = lost
        text = f"{name}: {percent(accuracy)}, {percent(at_best)} then"
        evidence.append(fact(text, {"accuracy": accuracy, "at_best": at_best}))
    yield Seen(
        f"evaluation gets worse since step {step:,}",
        tuple(evidence),
        (train.name, held.name),
        int(line.steps[-1]),
        step,
        "warning" if lost is not None else "info",
    )


def _accuracy_lost(training: Training, wall: float) -> tuple[str, float, float] | None:
    """(name, accuracy now, accuracy at the best loss) where answers have clearly got worse."""
    for metric in training.of("accuracy", "eval"):
        line = metric.line.finite
        if len(line) < MOST_TO_LEAST_EVALUATIONS:
            continue
        values = share(line.values)
        at = int(np.clip(np.searchsorted(line.walls, wall, side="right") - 1, 0, len(line) - 1))
        noise = float(np.abs(np.diff(values)).mean())
        now = middle(values[-max(1, len(values) // 5) :])
        if values[at] - now > max(LOST, NOISES * noise):
            return metric.name, now, float(values[at])
    return None


def gap(training: Training) -> Iterable[Seen]:
    """Good in training, in every evaluation but the best no better than before the training."""
    train = next(iter(training.of("accuracy", "train")), None)
    held = next(iter(training.of("accuracy", "eval")), None)
    losses = training.pair
    if train is None or held is None or losses is None or training.contested:
        return
    line, cost = held.line.finite, losses[1].line.finite
    start = first_value(losses[0].line)
    if min(len(line), len(cost)) < GAP_EVALUATIONS:
        return
    right, wrong = share(before(train.line, line.walls)), share(line.values)
    apart, costly = right - wrong >= GAP, cost.values > start
    if not costly[-1] or wrong[-1] > FAR_BELOW * right[-1]:
        return
    if not (_all_but_one(apart[1:]) and _all_but_one(costly)):
        return
    yield Seen(
        f"right in {percent(float(right[-1]))} in training, {percent(float(wrong[-1]))} in "
        f"evaluation, from the start",
        (
            fact(
                f"{train.name}: {percent(float(right[-1]))}; {held.name}: "
                f"{percent(float(wrong[-1]))}, {percent(float(wrong.max()))} at best",
                {"train": float(right[-1]), "eval": float(wrong[-1])},
            ),
            fact(
                f"{losses[1].name}: {number(float(cost.values[-1]))}; {losses[0].name} began with "
                f"{number(start)}",
                {"loss": float(cost.values[-1]), "first_loss": start},
            ),
        ),
        _names(train, held, *losses),
        int(line.steps[-1]),
        int(line.steps[0]),
        "warning",
        "to check",
    )


def _names(*metrics: Metric) -> tuple[str, ...]:
    return tuple(dict.fromkeys(metric.name for metric in metrics))


def _all_but_one(flags: npt.NDArray[np.bool_]) -> bool:
    return int((~flags).sum()) <= 1
