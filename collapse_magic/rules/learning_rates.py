"""The learning rate that trains a model, and the remedy of a smaller one."""

from __future__ import annotations

import math

from ..findings import Remedy
from ..history import History
from ..statistics import number, round_measured

# Powers of ten are the steps between the learning rates that people try; of more than three at
# once nothing is left that can be said to be measured.
MOST_POWERS = 3
# A step of training that changes the weights by a hundredth is still a healthy one.
LARGEST_HEALTHY_UPDATE = 0.01
# The looks that show the first steps, before far too large ones have changed the weights' size.
FIRST_LOOKS = 3


def learning_rate(history: History, model: str | None) -> float | None:
    """The highest learning rate of the model's optimizers; None where none was seen."""
    facts = history.optimizers(model) or history.optimizers()
    rates = [rate for optimizer in facts for rate in optimizer.learning_rates]
    return max(rates, default=None)


def slower(history: History, model: str | None) -> Remedy | None:
    """The power of ten that makes the first updates healthy, at least a tenth; None where no
    optimizer was seen."""
    old = learning_rate(history, model)
    if not old:
        return None
    factor = 10.0 ** -_powers(history, model)
    new = round_measured(old * factor, 3)
    return Remedy(
        "scale-learning-rate",
        f"lower the learning rate from {number(old)} to {number(new)}",
        {"factor": factor, "old": old, "new": new},
    )


def _powers(history: History, model: str | None) -> int:
    """By how many powers of ten the first updates are too large: 1 to `MOST_POWERS`."""
    looks = history.layer_statistics(model)[:FIRST_LOOKS]
    ratios = sorted(
        ratio for look in looks for ratio in look.update_ratio if math.isfinite(ratio) and ratio > 0
    )
    if not ratios:
        return 1
    powers = round(math.log10(ratios[len(ratios) // 2] / LARGEST_HEALTHY_UPDATE))
    return min(max(powers, 1), MOST_POWERS)
