"""How good a trained program is, by a measure that knows nothing of the tool.

*Skill* is what predictions are above chance: 0 for a constant predictor, 1 for a perfect one.
For predicted classes it is the balanced accuracy on that scale. Programs without predicted classes
give a skill of their own, on the same scale.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

PASSES = 0.5  # a healthy program, and one with its reference fix, has at least this skill


@dataclass(frozen=True)
class Measure:
    """Of one run of a program."""

    skill: float
    balanced_accuracy: float | None = None
    top: float | None = None  # share of the most predicted class

    def __str__(self) -> str:
        if self.balanced_accuracy is None:
            return f"skill {self.skill:.2f}"
        return (
            f"skill {self.skill:.2f} (balanced accuracy {self.balanced_accuracy:.2f}, "
            f"top class {self.top:.1%})"
        )


def of_predictions(predicted: NDArray[np.generic], actual: NDArray[np.generic]) -> Measure:
    """From predicted and true classes, one entry per sample. Raises ValueError."""
    predicted, actual = np.ravel(predicted), np.ravel(actual)
    if len(predicted) != len(actual):
        raise ValueError(f"{len(predicted)} predictions for {len(actual)} samples")
    classes = np.unique(actual)
    if len(classes) < 2:
        raise ValueError("the samples to verify with are all of one class")
    recalls = [np.mean(predicted[actual == c] == c) for c in classes]
    balanced, chance = float(np.mean(recalls)), 1 / len(classes)
    _, counts = np.unique(predicted, return_counts=True)
    return Measure((balanced - chance) / (1 - chance), balanced, float(counts.max() / counts.sum()))


def passes(measure: Measure) -> bool:
    return measure.skill >= PASSES


def is_faulty(measure: Measure, reference: Measure) -> bool:
    """Whether a program has at most half the skill that its reference fix gives it."""
    return not measure.skill > reference.skill / 2


def is_cured(measure: Measure, faulty: Measure, reference: Measure) -> bool:
    """Whether a fix comes at least half the way from the faulty program to its reference fix."""
    return measure.skill >= (max(0.0, faulty.skill) + reference.skill) / 2
