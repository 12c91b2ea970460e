"""Gradients that vanish or blow up, by their histograms or logged norms."""

from __future__ import annotations

import math
from collections.abc import Iterable

import numpy as np

from collapse_magic.rules.exploding_gradients import BLOWN_UP
from collapse_magic.rules.vanishing_gradients import (
    FIRST_NORM,
    FIRST_OVER_LAST,
    LOOKS,
    MIN_LOOKS,
)
from collapse_magic.statistics import number

from .points import Line
from .seen import ENOUGH_POINTS, Seen, fact, first_value, last_third, middle, stands_still
from .training import Training

# Norms of single batches differ by a factor of ten or so; a hundred times the first ones is no bad
# batch.
GROWN = 100.0
EARLY_SHARE = 4


def vanishing(training: Training) -> Iterable[Seen]:
    """The first layers' gradients are a thousandth of the last ones', and the loss stands still."""
    loss = training.loss
    layers = [y for y in training.layers if y.gradient is not None and not y.normalizes]
    if loss is None or len(layers) < 2 or len(loss.line.finite) < ENOUGH_POINTS:
        return
    if not stands_still(loss.line) or middle(last_third(loss.line)) < 0.9 * first_value(loss.line):
        return
    first, last = layers[0].gradient, layers[-1].gradient
    assert first is not None and last is not None
    steps = np.intersect1d(first.steps, last.steps)[-LOOKS:]
    near, far = (_at(line, steps) for line in (first, last))
    vanished = (far > 0) & (near > 0) & (near < FIRST_NORM) & (near < FIRST_OVER_LAST * far)
    if len(steps) < MIN_LOOKS or 2 * vanished.sum() <= len(steps):
        return
    at = int(np.nonzero(vanished)[0][-1])
    yield Seen(
        f"the first layer's gradient is {number(float(near[at]))}",
        (
            fact(
                f"gradient {number(float(near[at]))} at layer {layers[0].name[:40]}, "
                f"{number(float(far[at]))} at layer {layers[-1].name[:40]}",
                {"first": float(near[at]), "last": float(far[at])},
            ),
            fact(
                f"{loss.name}: {number(first_value(loss.line))} at first, "
                f"{number(middle(last_third(loss.line)))} now",
                {"loss": middle(last_third(loss.line))},
            ),
        ),
        (f"gradients of {layers[0].name[:40]} and {layers[-1].name[:40]}", loss.name),
        int(steps[-1]),
        int(steps[0]),
    )


def exploding(training: Training) -> Iterable[Seen]:
    """The gradient's norm grows a hundredfold, and the loss blows up or is not finite."""
    name, line = _whole_norm(training)
    loss = training.loss
    if line is None or loss is None or len(line.finite) < ENOUGH_POINTS:
        return
    norms = line.finite
    early = middle(norms.values[: len(norms) // EARLY_SHARE])
    peak = int(np.argmax(norms.values))
    if not early > 0 or norms.values[peak] < GROWN * early:
        return
    first, highest = first_value(loss.line), float(np.max(loss.line.finite.values, initial=-np.inf))
    ends_odd = len(loss.line) > 0 and not math.isfinite(loss.line.values[-1])
    blown = highest > BLOWN_UP * first > 0 and middle(last_third(loss.line)) > first
    if not (ends_odd or blown):
        return
    begins = int(norms.steps[np.nonzero(norms.values > GROWN * early)[0][0]])
    then = "and is not finite now" if ends_odd else f"up to {number(highest)}"
    yield Seen(
        f"the training blows up at step {begins:,}",
        (
            fact(
                f"{name}: {number(early)} at first, {number(float(norms.values[peak]))} at step "
                f"{int(norms.steps[peak]):,}",
                {"first_norm": early, "largest_norm": float(norms.values[peak])},
            ),
            fact(f"{loss.name}: {number(first)} at first, {then}", {"first_loss": first}),
        ),
        (name, loss.name),
        int(norms.steps[-1]),
        begins,
    )


def _whole_norm(training: Training) -> tuple[str, Line | None]:
    """The norm of the whole gradient: as it was logged, or from the layers' histograms."""
    logged = [m for m in training.of("gradient_norm") if len(m.line.finite) >= ENOUGH_POINTS]
    if logged:
        whole = next((m for m in logged if "total" in m.about.key), logged[0])
        return whole.name, whole.line
    lines = [y.gradient for y in training.layers if y.gradient is not None]
    if not lines:
        return "", None
    steps = lines[0].steps
    for line in lines[1:]:
        steps = np.intersect1d(steps, line.steps)
    squares = sum(_at(line, steps) ** 2 for line in lines)
    walls = lines[0].walls[np.searchsorted(lines[0].steps, steps)]
    return "norm of all gradients", Line(steps, walls, np.sqrt(squares) + 0.0 * steps)


def _at(line: Line, steps: np.ndarray) -> np.ndarray:
    return line.values[np.searchsorted(line.steps, steps)]
