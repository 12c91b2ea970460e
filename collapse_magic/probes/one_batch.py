"""What ``--probe`` does alike in every framework: how long a copy tries, and what is told of it."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ..records import BatchTried

# Adam at a rate that suits most networks: at ten times that the larger ones diverge.
RATE = 3e-3
MOST_STEPS = 300
MOST_SECONDS = 3.0
# All samples right, and surely so: the loss at most half of a constant answer's.
SURELY = 0.5
MOST_BYTES = 256 * 2**20  # of the model
COMPARED_CLASSES = ("binary", "multiclass")  # tasks


class CannotTry(Exception):  # noqa: N818 - no error of anybody's
    """Why no batch can be tried: the end of a sentence."""


def constant_answer(labels: NDArray[np.integer]) -> float:
    """What always answering with the label shares of the batch costs (nats). Raises `CannotTry`."""
    shares = np.unique(labels, return_counts=True)[1] / max(len(labels), 1)
    if len(shares) < 2:
        raise CannotTry("the first batch holds a single class")
    return float(-(shares * np.log(shares)).sum())


def possible_share(inputs: Sequence[NDArray[np.generic]], labels: NDArray[np.integer]) -> float:
    """Share of a batch that any model can have right: samples that are equal get equal answers.

    Parameters: the arrays that the model is given, of which those count that have an entry per
    sample, and the class of each sample.
    """
    rows = [np.ascontiguousarray(part) for part in inputs if len(part) == len(labels)]
    if not rows:
        return 1.0
    classes: defaultdict[bytes, Counter[int]] = defaultdict(Counter)
    for index, label in enumerate(labels.tolist()):
        classes[b"".join(part[index].tobytes() for part in rows)][label] += 1
    return sum(max(counts.values()) for counts in classes.values()) / len(labels)


def told(tried: BatchTried) -> str:
    """What came of it, in a sentence."""
    if tried.learned:
        return (
            f"a copy of {tried.model} learned one batch of {tried.samples} by heart in "
            f"{tried.steps} steps: the model can learn"
        )
    cut = ""
    if tried.unreached:
        cut = f"; {tried.unreached} of {tried.parameters} parameters got no gradient"
    return (
        f"a copy of {tried.model} did not learn one batch of {tried.samples} by heart in "
        f"{tried.steps} steps, {tried.right:.0%} right at best{cut}: it is too small, or what it "
        "is given does not reach its outputs"
    )
