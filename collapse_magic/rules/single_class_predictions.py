"""single-class-predictions (CM101)

## What it checks
Whether (nearly) all predictions are one class while the labels are not.

## Why it matters
Accuracy then equals the share of that class, which can look good, and the loss may still fall. It
is a symptom: where another rule finds a cause at the same loss, this finding stands below it.

## How it is measured
Over two windows running of training samples, at least 512 (and 20 per class) each, from step 30 on
and after a warm-up of the learning rate: the most predicted class takes 99.5% or more in both, the
most frequent label 90% or less. Where the labels themselves are more one-sided, the scores must
also rank no better than chance, or hardly differ between samples, after 200 steps. Silent while the
cross entropy or the ranking still gets better, and where the scores tell the classes apart and beat
a constant answer in the first epoch or 200 steps, or on one-sided labels (80% or more): then only
the threshold is off. It is over once the scores rank better than chance: a constant answer whose
class changes is no cure. A model that one call has fitted is judged as it is, by its answers on
200 or more of its own training samples.

## Known limits
Where nearly every batch holds a single class (sorted data, a GAN's real and fake halves) it says
nothing, nor of a model that another one is trained against. A constant answer close to a tie
changes its class from step to step, so that its windows do not show one class.

## Example
    model = nn.Sequential(nn.Linear(2, 1), nn.ReLU(), nn.Linear(1, 2))  # the one hidden unit is
    dead
    loss = nn.CrossEntropyLoss()(model(x), y)                           # every prediction is one
    class

## Use instead
    model = nn.Sequential(nn.Linear(2, 16), nn.ReLU(), nn.Linear(16, 2))
    # and first of all: can the model learn one small batch by heart? If not, something is wired
    # wrongly.

## Fix safety
Needs review where the code shows why (layers without a non-linearity between them, a mean over the
batch, rows in place of columns, an augmentation); else an example that tests a single batch.

## References
Karpathy, A Recipe for Training Neural Networks (2019): "overfit one batch".
"""

from __future__ import annotations

import math
from collections.abc import Iterable

from ..findings import Diagnosis, Evidence
from ..history import History, WindowTotal
from ..statistics import number, percent
from . import gates
from .one_batch import learn_one_batch


class SingleClassPredictions:
    code = "CM101"
    name = "single-class-predictions"
    says = "(nearly) all predictions are one class while the labels are not"
    explains: tuple[str, ...] = ("missing-class", "constant-output", "not-learning")

    def missing(self, history: History) -> str | None:
        return gates.no_classification(history)

    def check(self, history: History) -> Iterable[Diagnosis]:
        for site in gates.classification_sites(history):
            look = gates.look(history, site)
            if (
                look is not None
                and gates.predicts_one_class(look)
                and not gates.gets_better(history, look)
                and not gates.only_threshold_is_off(history, look)
                and not gates.sees_one_class_at_a_time(look.last)
            ):
                yield self._diagnosis(history, look)

    def is_over(self, history: History, diagnosis: Diagnosis) -> bool:
        """An answer that follows the inputs ends it, not one whose bias sways around a tie."""
        look = gates.look(history, diagnosis.site or "")
        return look is not None and look.last.rank >= gates.CHANCE_RANK

    def _diagnosis(self, history: History, look: gates.Look) -> Diagnosis:
        last = look.last
        name = history.class_name(look.site, last.top_class)
        return Diagnosis(
            rule=self.name,
            code=self.code,
            severity="error",
            confidence="likely",
            message=f"{percent(last.top)} of predictions are {name}",
            evidence=(_shares(name, last), *_scores(last)),
            step=last.last_step,
            since_step=look.before.first_step,
            remedy=learn_one_batch(last),
            target="model",
            site=look.site,
        )


def _shares(name: str, last: WindowTotal) -> Evidence:
    label = last.prior[last.top_class]
    return Evidence(
        f"{name}: {percent(last.top)} of predictions, {percent(label)} of labels",
        {"predicted_share": last.top, "label_share": label, "samples": last.samples},
    )


def _scores(last: WindowTotal) -> Iterable[Evidence]:
    over = last.cross_entropy_over_entropy
    if math.isfinite(over):
        yield Evidence(
            f"rank {number(last.rank)} (chance 0.5); loss {number(over)} x a constant answer's",
            {"rank": last.rank, "cross_entropy_over_entropy": over, "spread": last.spread},
        )
