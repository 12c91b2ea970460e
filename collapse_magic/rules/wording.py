"""Short words for measured things, so that an evidence line fits a card."""

from __future__ import annotations

import math
from collections.abc import Sequence

from ..history import History

# 79 columns of a card less "evidence: ".
MAX_COLUMNS = 69
# A tenth of the values at each end, at most 100: single losses jump too much to compare two of
# them.
ENDS = 10
MAX_END = 100


def fitting(parts: Sequence[str], separator: str = "; ") -> str:
    """The parts in one line, the last ones left out where the line would not fit."""
    kept = list(parts)
    while len(kept) > 1 and len(separator.join(kept)) > MAX_COLUMNS:
        kept.pop()
    return separator.join(kept)


# How Keras' users know the losses that the records name as torch's functionals.
_IN_KERAS = {
    "cross_entropy": "crossentropy on logits",
    "binary_cross_entropy": "binary_crossentropy",
    "binary_cross_entropy_with_logits": "binary_crossentropy on logits",
    "mse": "mean_squared_error",
    "l1": "mean_absolute_error",
}


def trains_keras(history: History) -> bool:
    """Whether Keras or TensorFlow trains in this run, and nothing else does."""
    framework = history.run.framework if history.run else ""
    return ("keras" in framework or "tensorflow" in framework) and "torch" not in framework


def loss_name(history: History, name: str) -> str:
    """The name of a loss as the framework's users know it."""
    return _IN_KERAS.get(name, name) if trains_keras(history) else name


def shape(sizes: Sequence[int]) -> str:
    """(32,) or (32, 1), as torch users write shapes."""
    return str(tuple(sizes))


def layer(name: str, columns: int = 18) -> str:
    """A layer's name, its end kept where it is too long."""
    return name if len(name) <= columns else "…" + name[1 - columns :]


def loss_ends(history: History, site: str) -> tuple[float, float]:
    """Mean of the user's own loss at the start and at the end so far; nan without values."""
    values = [value for value in history.loss_values(site)[1] if math.isfinite(value)]
    if not values:
        return math.nan, math.nan
    size = max(1, min(MAX_END, len(values) // ENDS))
    return sum(values[:size]) / size, sum(values[-size:]) / size


def loss_change(history: History, site: str) -> float:
    """Change of the user's own loss relative to its start; nan where that says nothing."""
    first, last = loss_ends(history, site)
    return (last - first) / first if first > 0 else math.nan
