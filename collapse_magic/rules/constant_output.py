"""constant-output (CM103)

## What it checks
Whether the outputs hardly differ from sample to sample.

## Why it matters
Such a model does not look at its inputs: something on the way from them to the output is dead,
saturated or zero. Predictions may still change from one class to another, as the one value that all
samples get sways around a tie, so that no single class takes them all.

## How it is measured
By the standard deviation over the samples of a batch of the logit margin (the score of the
predicted class over the next one): below a thousandth in two windows running, of at least 512
samples (and 20 per class) each, in training or in evaluation, after 200 steps, while the cross
entropy does not get better. It is taken around each batch's own mean, for the bias moves from step
to step; where batches are single samples, over the whole window, and the scores must rank like
chance. It is told when the training has ended, and while it runs after ten epochs and a thousand
steps.

## Known limits
A slow start from zeros looks the same, which is why it is waited for. In batches of single samples
what the bias moves counts as a difference between samples. Where nearly every batch holds a single
class nothing is said.

## Example
    nn.init.constant_(model[0].bias, -50.0)   # every hidden unit is off, for every sample
    loss = nn.CrossEntropyLoss()(model(x), y)

## Use instead
    model[0].reset_parameters()
    # and first of all: can the model learn one small batch by heart? If not, something is wired
    # wrongly.

## Fix safety
Needs review where the code shows why (layers without a non-linearity between them, a mean over the
batch, rows in place of columns, an augmentation); else an example that tests a single batch.

## References
Lu et al., Dying ReLU and Initialization (2020): networks that are born dead are constant functions.
"""

from __future__ import annotations

from collections.abc import Iterable

from ..findings import Diagnosis, Evidence
from ..history import History, WindowTotal
from ..statistics import number
from . import gates
from .not_learning import is_time
from .one_batch import learn_one_batch


class ConstantOutput:
    code = "CM103"
    name = "constant-output"
    says = "the outputs hardly differ from sample to sample"
    explains: tuple[str, ...] = ("missing-class", "not-learning")

    def missing(self, history: History) -> str | None:
        return gates.no_classification(history)

    def check(self, history: History) -> Iterable[Diagnosis]:
        for site in gates.classification_sites(history):
            look = gates.look(history, site)
            if (
                look is not None
                and (look.fitted or is_time(history))
                and (look.fitted or look.last.last_step >= gates.NOT_LEARNING_STEPS)
                and not gates.gets_better(history, look)
                and not gates.sees_one_class_at_a_time(look.last)
            ):
                constant = _constant(history, look)
                if constant is not None:
                    yield self._diagnosis(look, constant)

    def is_over(self, history: History, diagnosis: Diagnosis) -> bool:
        look = gates.look(history, diagnosis.site or "")
        return look is not None and _constant(history, look) is None

    def _diagnosis(self, look: gates.Look, seen: WindowTotal) -> Diagnosis:
        return Diagnosis(
            rule=self.name,
            code=self.code,
            severity="error",
            confidence="likely",
            message="the outputs hardly differ from sample to sample",
            evidence=tuple(_spreads(seen)),
            step=look.last.last_step,
            since_step=look.before.first_step,
            remedy=learn_one_batch(seen),
            target="model",
            site=look.site,
        )


def _spreads(seen: WindowTotal) -> Iterable[Evidence]:
    yield Evidence(
        f"logit margins differ by {number(seen.spread)} (standard deviation); "
        f"rank {number(seen.rank)} (chance 0.5) on {seen.samples:,} samples",
        {"spread": seen.spread, "rank": seen.rank, "samples": seen.samples},
    )
    if seen.spread >= gates.CONSTANT_SPREAD:  # what moves is the one answer of each batch
        yield Evidence(
            f"but by {number(seen.spread_in_batch)} between the samples of a batch",
            {"spread_in_batch": seen.spread_in_batch},
        )


def _constant(history: History, look: gates.Look) -> WindowTotal | None:
    """The last of two windows in which all outputs are alike: of training, or of evaluation, where
    the weights stand still meanwhile."""
    needed = gates.needed_samples(look.last.classes)
    facts = history.loss_facts(look.site)
    since = history.settled_step(facts.model if facts else None)
    evaluated = history.two_totals(look.site, "eval", needed, since=since)
    for before, last in ((look.before, look.last), *([evaluated] if evaluated else [])):
        if _is_constant(before) and _is_constant(last):
            return last
    return None


def _is_constant(total: WindowTotal) -> bool:
    if gates.alike_in_batches(total):
        return True
    return (
        total.spread < gates.CONSTANT_SPREAD and total.rank < gates.CHANCE_RANK and total.ttop < 1
    )
