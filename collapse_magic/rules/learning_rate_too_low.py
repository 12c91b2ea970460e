"""learning-rate-too-low (CM409)

## What it checks
Whether the learning rate is so small, or so soon gone, that the weights stay where they are.

## Why it matters
The loss stands still although every gradient is there, and looks like a plateau or like data
without a signal. The predictions are those of the initial weights, often one class. A schedule that
counts epochs and is stepped in every batch reaches zero before the first epoch is over.

## How it is measured
Either a schedule has brought the rate below a thousandth of its highest value within 200 steps (and
in the first quarter of the run so far), where it has stayed, while the loss is still more than half
of that of a constant answer in two windows since. Or, after 200 steps, nothing is learned (within
3% of a constant answer's loss) and the changes of the weights, added up over the run, come to less
than 2% of the weights in every layer, although there is a gradient. A warm-up is waited for.

## Known limits
A rate that is merely ten times too small learns slowly, which undertrained may note. Of steps that
XLA has compiled the changes are not seen, of a schedule only its rates.

## Example
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-7)

## Use instead
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)

## Fix safety
Needs review: the new rate is a power of ten that brings the measured changes into the healthy
range; a schedule is an example.

## References
Karpathy, CS231n notes on the ratio of weight updates ("about 1e-3"); PyTorch, How to adjust
learning rate.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from ..findings import Diagnosis, Evidence, Remedy
from ..history import History
from ..records import LayerStatistics
from ..statistics import number, percent, round_measured
from . import gates
from .base import SYMPTOMS
from .learning_rates import learning_rate

# Rates of a thousandth of the highest one move nothing; the ends of cosine and one-cycle schedules
# go there, too, but never so soon.
GONE = 1e-3
SOON_STEPS = 200
SOON_SHARE = 0.25
# More than half of what a constant answer leaves open is still open.
STILL_WRONG = 0.5
# Of programs that learn nothing at rates that are not to blame the least moves 14% (units that died
# at the start), at a rate of a millionth .3%. (Gentle fine-tuning moves .4% and has learned.)
MOVED = 0.02
# Weights that were thrown far at the start hardly change in proportion afterwards.
SAME_NORM = 0.05
# Gradients that have vanished are another story.
GRADIENT = 1e-3
MIN_LOOKS = 3
# The median update of the healthy programs of the corpus.
HEALTHY_UPDATE = 3e-3


@dataclass(frozen=True, slots=True)
class _Gone:
    """A schedule that has come to nothing."""

    highest: float
    now: float
    step: int  # the first at which the rate was found gone


@dataclass(frozen=True, slots=True)
class _Still:
    """Layers that hardly move."""

    moved: float  # the layer that moved most: changes over weights, added up over the run
    update: float  # per step
    gradient: float  # median norm


class LearningRateTooLow:
    code = "CM409"
    name = "learning-rate-too-low"
    says = "updates far too small; a schedule that reaches zero at once"
    explains: tuple[str, ...] = ("class-imbalance", *SYMPTOMS)

    def missing(self, history: History) -> str | None:
        reason = gates.no_classification(history)
        if reason is None and not history.optimizers():
            return "no optimizer was seen"
        return reason

    def check(self, history: History) -> Iterable[Diagnosis]:
        for site in gates.classification_sites(history):
            facts = history.loss_facts(site)
            look = gates.look(history, site)
            if facts is None or look is None or look.fitted:
                continue
            gone = _gone(history, facts.model)
            if gone is not None and _stands_still(look, gone):
                yield self._of_schedule(look, gone)
                continue
            still = _still(history, facts.model) if _learns_nothing(look) else None
            if still is not None:
                yield self._of_rate(history, look, facts.model, still)

    def is_over(self, history: History, diagnosis: Diagnosis) -> bool:
        """A loss clearly below that of a constant answer ends it."""
        return gates.has_learned(history, diagnosis.site or "")

    def _of_schedule(self, look: gates.Look, gone: _Gone) -> Diagnosis:
        return self._diagnosis(
            look,
            f"the learning rate is gone after step {gone.step:,}",
            (
                Evidence(
                    f"learning rate {number(gone.highest)} at first, {number(gone.now)} now; "
                    f"gone by step {gone.step:,}",
                    {"highest": gone.highest, "now": gone.now, "step": float(gone.step)},
                ),
                _loss(look),
            ),
            gone.step,
            Remedy("step-per-epoch", "let the schedule step once an epoch", {"now": gone.now}),
        )

    def _of_rate(
        self, history: History, look: gates.Look, model: str | None, still: _Still
    ) -> Diagnosis:
        rate = learning_rate(history, model)
        evidence = [
            Evidence(
                f"a step changes the weights by {percent(still.update, 4)} (healthy: 0.01% to 1%)",
                {"update_ratio": still.update, "moved": still.moved, "gradient": still.gradient},
            ),
            _loss(look),
        ]
        if rate is not None:
            text = f"learning rate {number(rate)}; gradient norm {number(still.gradient)}"
            evidence.append(Evidence(text, {"learning_rate": rate}))
        return self._diagnosis(
            look,
            f"{history.steps:,} steps changed the weights by {percent(still.moved)}",
            tuple(evidence),
            1,
            _faster(rate, still),
        )

    def _diagnosis(
        self,
        look: gates.Look,
        message: str,
        evidence: tuple[Evidence, ...],
        since: int,
        remedy: Remedy | None,
    ) -> Diagnosis:
        return Diagnosis(
            rule=self.name,
            code=self.code,
            severity="error",
            confidence="likely",
            message=message,
            evidence=evidence,
            step=look.last.last_step,
            since_step=since,
            remedy=remedy,
            target="optimizer",
            site=look.site,
        )


def _gone(history: History, model: str | None) -> _Gone | None:
    """The schedule that came to nothing; None as long as any optimizer of the model still moves."""
    start = history.settled_step(model)
    found: list[_Gone] = []
    for facts in history.optimizers(model):
        rates = [
            (one.step, max(one.learning_rates)) for one in history.learning_rates(facts.optimizer)
        ]
        highest = max((rate for _, rate in rates), default=0.0)
        later = [step for step, rate in rates if step >= start and rate > GONE * highest]
        after = [step for step, _ in rates if step > max(later, default=start)]
        if highest <= 0 or not after:
            return None
        found.append(_Gone(highest, rates[-1][1], after[0]))
    if not found:
        return None
    last = max(found, key=lambda one: one.step)
    steps = last.step - start
    return last if steps <= min(SOON_STEPS, SOON_SHARE * (history.steps - start)) else None


def _stands_still(look: gates.Look, gone: _Gone) -> bool:
    both = look.before, look.last
    return look.before.first_step > gone.step and all(
        total.cross_entropy_over_entropy > STILL_WRONG for total in both
    )


def _learns_nothing(look: gates.Look) -> bool:
    return look.last.last_step >= gates.NOT_LEARNING_STEPS and all(
        total.cross_entropy_over_entropy >= gates.NOT_LEARNING for total in (look.before, look.last)
    )


def _still(history: History, model: str | None) -> _Still | None:
    looks = history.layer_statistics(model)
    if len(looks) < MIN_LOOKS:
        return None
    gradient = _median([math.hypot(*_finite(look.gradient_norm)) for look in looks])
    moved = max(_moved(looks, history.steps), default=0.0)
    if not 0 < moved < MOVED or not gradient >= GRADIENT or not _same_norms(looks):
        return None
    return _Still(moved, moved / max(history.steps, 1), gradient)


def _moved(looks: Sequence[LayerStatistics], steps: int) -> list[float]:
    """Changes of each layer over its weights, a look standing for the steps until the next."""
    ends = [*(look.step for look in looks[1:]), steps + 1]
    total = [0.0] * len(looks[-1].update_ratio)
    for look, end in zip(looks, ends, strict=True):
        for index, ratio in enumerate(look.update_ratio[: len(total)]):
            total[index] += ratio * (end - look.step) if math.isfinite(ratio) else 0.0
    return total


def _same_norms(looks: Sequence[LayerStatistics]) -> bool:
    pairs = zip(looks[0].weight_norm, looks[-1].weight_norm, strict=False)
    return all(
        abs(after - before) <= SAME_NORM * before
        for before, after in pairs
        if math.isfinite(before) and math.isfinite(after)
    )


def _faster(rate: float | None, still: _Still) -> Remedy | None:
    """The power of ten that brings the changes into the healthy range."""
    if not rate:
        return None
    factor = 10.0 ** max(1, round(math.log10(HEALTHY_UPDATE / still.update)))
    new = round_measured(rate * factor, 3)
    title = f"raise the learning rate from {number(rate)} to {number(new)}"
    return Remedy("scale-learning-rate", title, {"factor": factor, "old": rate, "new": new})


def _loss(look: gates.Look) -> Evidence:
    over = look.last.cross_entropy_over_entropy
    text = f"loss {number(over)} x a constant answer's after {look.last.last_step:,} steps"
    return Evidence(text, {"cross_entropy_over_entropy": over})


def _finite(values: Sequence[float]) -> list[float]:
    return [value for value in values if math.isfinite(value)]


def _median(values: Sequence[float]) -> float:
    return sorted(values)[len(values) // 2]
