"""Whether training is still on its way: what was gained since half of the run, and once more."""

from __future__ import annotations

import math

from ..history import History, WindowTotal
from . import gates

# Loss over that of a constant answer: a tenth less when the steps double is quick progress.
QUICK_PROGRESS = 0.9
# A recall below this is as good as none: there is no trend in it yet.
NOTHING_FOUND = 0.1
# Less than a quarter of a doubling of the steps apart, two totals tell no trend.
MIN_DOUBLINGS = 0.25


def recall_gets_there(
    history: History, look: gates.Look, index: int, wanted: float, samples: int
) -> bool:
    """Whether the recall of class ``index`` is on its way to ``wanted``, or it is too early to say.

    Learning slows down: steps doubled once more gain about what the last doubling gained. The two
    windows of ``look`` are compared with ``samples`` samples from the first half of the run.
    """
    facts = history.loss_facts(look.site)
    start = history.settled_step(facts.model if facts else None)
    now = look.before.with_next(look.last)
    half = start + (now.last_step - start) // 2
    earlier = history.total_until(look.site, "train", samples, half)
    if earlier is None or earlier.last_step >= look.last.first_step:
        return True
    doublings = math.log2(max(now.middle_step - start, 1) / max(earlier.middle_step - start, 1))
    if doublings < MIN_DOUBLINGS:
        return True
    before, after = earlier.cross_entropy_over_entropy, now.cross_entropy_over_entropy
    quick = after < before * QUICK_PROGRESS**doublings
    gained = now.recall[index] - earlier.recall[index]
    if gained > _noise(earlier, now, index):
        return quick or now.recall[index] + gained / doublings >= wanted
    # a loss that is on its way may still find the class; once some of it is found and no more than
    # before, a falling loss only sharpens the same answers
    return quick and now.recall[index] < NOTHING_FOUND


def _noise(one: WindowTotal, other: WindowTotal, index: int) -> float:
    """Standard error of the difference of two recalls."""
    cases = one.window.labels[index], other.window.labels[index]
    if not all(cases):
        return math.inf
    share = (one.window.correct[index] + other.window.correct[index]) / sum(cases)
    return math.sqrt(share * (1 - share) * (1 / cases[0] + 1 / cases[1]))
