"""The learning rate that trains a model, and the remedy of a smaller one."""

from __future__ import annotations

from ..findings import Remedy
from ..history import History
from ..statistics import number, round_measured

# A tenth: the step between the learning rates that people try.
FACTOR = 0.1


def learning_rate(history: History, model: str | None) -> float | None:
    """The highest learning rate of the model's optimizers; None where none was seen."""
    facts = history.optimizers(model) or history.optimizers()
    rates = [rate for optimizer in facts for rate in optimizer.learning_rates]
    return max(rates, default=None)


def slower(history: History, model: str | None) -> Remedy | None:
    """A tenth of the measured learning rate; None where no optimizer was seen."""
    old = learning_rate(history, model)
    if not old:
        return None
    new = round_measured(old * FACTOR, 3)
    return Remedy(
        "scale-learning-rate",
        f"lower the learning rate from {number(old)} to {number(new)}",
        {"factor": FACTOR, "old": old, "new": new},
    )
