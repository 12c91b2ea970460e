"""Trainings that learn nothing, by their loss, accuracy and learning rate."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from collapse_magic.rules.learning_rate_too_low import GONE, SOON_SHARE, STILL_WRONG
from collapse_magic.statistics import number, percent

from .seen import (
    ENOUGH_POINTS,
    ENOUGH_STEPS,
    FLAT,
    Seen,
    constant_answer,
    fact,
    first_value,
    last_third,
    middle,
    share,
    stands_still,
)
from .training import Metric, Training

# A constant answer has the same accuracy every time, to the rounding of float32; the samples of a
# last batch that is left out may differ by one in a thousand.
SAME = 1e-3
# Above it a constant accuracy may be that of a model that has learned all there is.
NEARLY_RIGHT = 0.9
# Over two classes, or over even ones, a constant answer costs the least that it can; what costs a
# tenth more may be a model that has learned some of several classes.
JUST_CONSTANT = 1.1
# Shares of the labels of 160 evaluated samples are off by a few points, and so is such a cost.
OTHER_LABELS = 1.15
# A loss within 3% of what guessing costs, and an accuracy within a quarter of a guess's.
LIKE_GUESSING = 0.03
GUESSED = 1.25
# A warm-up is over where the rate has not reached a new height in the last tenth.
RISING_SHARE = 0.1


def not_learning(training: Training) -> Iterable[Seen]:
    """An accuracy that stands at a constant, or a loss that stands at that of a guess."""
    if training.contested or _still_rises(training):
        return
    seen = _stuck(training) or _guesses(training)
    if seen is not None:
        yield seen


@dataclass(frozen=True, slots=True)
class _Constant:
    """An accuracy that stays as it is."""

    metric: Metric
    level: float  # share
    since: int  # place of the first point
    points: int  # since then

    @property
    def step(self) -> int:
        return int(self.metric.line.finite.steps[self.since])


def _constant(metric: Metric) -> _Constant | None:
    values = share(metric.line.finite.values)
    if len(values) < ENOUGH_POINTS:
        return None
    level = float(values[-1])
    apart = np.abs(values - level) > SAME
    since = int(np.nonzero(apart)[0][-1]) + 1 if apart.any() else 0
    points = len(values) - since
    enough = points >= max(ENOUGH_POINTS, len(values) // 2)
    return _Constant(metric, level, since, points) if enough and level > 0 else None


def _stuck(training: Training) -> Seen | None:
    """Every accuracy is constant, and every loss what a constant answer costs.

    Neither alone says it: few samples may be answered alike for long by a model that has learned.
    """
    accuracies = [m for m in training.of("accuracy") if len(m.line.finite) >= ENOUGH_POINTS]
    constant = [found for metric in accuracies if (found := _constant(metric)) is not None]
    if training.loss is None or not constant or len(constant) < len(accuracies):
        return None
    if min(each.level for each in constant) > NEARLY_RIGHT:
        return None
    levels = {each.metric.phase: each.level for each in reversed(constant)}
    shown = constant[0]
    for phase in levels:
        loss = next(iter(training.of("loss", phase)), training.loss)
        if not _costs_as_constant(loss, levels[phase]):
            return None
    if "train" not in levels and not _costs_as_constant(training.loss, shown.level, OTHER_LABELS):
        return None
    loss = next(iter(training.of("loss", shown.metric.phase)), training.loss)
    cost, least = middle(last_third(loss.line)), constant_answer(shown.level)
    return Seen(
        f"accuracy stands at {percent(shown.level)} since step {shown.step:,}",
        (
            fact(
                f"{shown.metric.name}: {percent(shown.level)} in the last {shown.points:,} points",
                {"accuracy": shown.level, "points": shown.points},
            ),
            fact(
                f"{loss.name}: {number(cost)}; a constant answer that is right so often costs "
                f"{number(least)}",
                {"loss": cost, "constant_answer": least},
            ),
        ),
        tuple(dict.fromkeys((shown.metric.name, loss.name, training.loss.name))),
        int(shown.metric.line.steps[-1]),
        shown.step,
        "warning",
        "likely" if "train" in levels else "to check",
    )


def _costs_as_constant(loss: Metric, level: float, slack: float = 1.0) -> bool:
    cost, least = middle(last_third(loss.line)), constant_answer(level)
    low, high = FLAT * least / slack, JUST_CONSTANT * least * slack
    return low <= cost <= high and stands_still(loss.line)


def _long_enough(metric: Metric) -> bool:
    """Whether its points are whole epochs, or batches enough."""
    steps = metric.line.steps
    return metric.is_per_epoch or bool(steps[-1] - steps[0] >= ENOUGH_STEPS)


def _guesses(training: Training) -> Seen | None:
    loss = training.loss
    if loss is None or len(loss.line.finite) < ENOUGH_POINTS or not stands_still(loss.line):
        return None
    if not _long_enough(loss):
        return None
    accuracy = next((m for m in training.of("accuracy") if len(m.line.finite) > 2), None)
    level = middle(share(last_third(accuracy.line))) if accuracy is not None else math.nan
    classes = training.classes or (round(1 / level) if level > 0 else 0)
    if classes < 2 or (accuracy is not None and not level <= GUESSED / classes):
        return None
    cost, guess = middle(last_third(loss.line)), math.log(classes)
    if abs(cost - guess) > LIKE_GUESSING * guess:
        return None
    right = (
        f"; {accuracy.name}: {percent(level)} (a guess: {percent(1 / classes)})" if accuracy else ""
    )
    return Seen(
        f"no better than guessing one of {classes:,} classes",
        (
            fact(
                f"{loss.name}: {number(cost)} (a guess: {number(guess)}){right}",
                {"loss": cost, "guess": guess, "accuracy": level},
            ),
        ),
        (loss.name, *([accuracy.name] if accuracy else ())),
        int(loss.line.steps[-1]),
        int(loss.line.steps[0]),
        "warning",
        "likely" if accuracy else "to check",
    )


def _still_rises(training: Training) -> bool:
    """A warm-up that has not ended: nothing is said of the time before."""
    for metric in training.of("learning_rate"):
        line = metric.line.finite
        if len(line) > 2 and line.values[0] < line.values[-1] == line.values.max():
            first = int(np.argmax(line.values))
            if line.steps[-1] - line.steps[first] < RISING_SHARE * (line.steps[-1] - line.steps[0]):
                return True
    return False


@dataclass(frozen=True, slots=True)
class _Gone:
    metric: Metric
    highest: float
    now: float
    step: int
    wall: float


def rate_gone(training: Training) -> Iterable[Seen]:
    """A schedule that has come to nothing early, while the loss is still wrong."""
    rates = [m for m in training.of("learning_rate") if len(m.line.finite) >= ENOUGH_POINTS]
    gone = [found for metric in rates if (found := _gone(metric)) is not None]
    loss = training.loss
    if not gone or len(gone) < len(rates) or loss is None:
        return
    last = max(gone, key=lambda each: each.wall)
    first, line = first_value(loss.line), loss.line.finite
    since = line.values[line.walls > last.wall]
    if len(since) < ENOUGH_POINTS or not middle(since) > STILL_WRONG * first:
        return
    if not middle(since[len(since) // 2 :]) >= FLAT * middle(since[: len(since) // 2]):
        return
    yield Seen(
        f"the learning rate is gone after step {last.step:,}",
        (
            fact(
                f"{last.metric.name}: {number(last.highest)} at most, {number(last.now)} now",
                {"highest": last.highest, "now": last.now},
            ),
            fact(
                f"{loss.name}: {number(first)} at first, {number(middle(since))} since",
                {"first_loss": first, "loss": middle(since)},
            ),
        ),
        (last.metric.name, loss.name),
        int(last.metric.line.steps[-1]),
        last.step,
    )


def _gone(metric: Metric) -> _Gone | None:
    line = metric.line.finite
    highest = float(line.values.max())
    start = int(np.argmax(line.values))
    moves = np.nonzero(line.values > GONE * highest)[0]
    after = int(moves[-1]) + 1 if len(moves) else len(line)
    if highest <= 0 or after >= len(line):
        return None
    if line.steps[after] - line.steps[start] > SOON_SHARE * (line.steps[-1] - line.steps[start]):
        return None
    return _Gone(
        metric, highest, float(line.values[-1]), int(line.steps[after]), float(line.walls[after])
    )
