"""noisy-labels (CM304)

## What it checks
Whether the labels depend on the inputs at all: shuffled apart, shifted by a row, taken from another
file, or noise.

## Why it matters
A model that is large enough learns such labels by heart. Its training loss falls as it should, and
what it has learned is worth nothing for any other sample.

## How it is measured
By exclusion. Model, loss and optimizer work, for the training samples are learned (loss below .9 of
a constant answer's, rank of .65 and more), but not one of the evaluations tells anything: in the
last of them, and over all together, the scores rank no better than chance (.55) and cost more than
a constant answer.

## Known limits
Nothing is said without validation, nor while nothing is learned by heart yet. Validation data that
are prepared in another way than the training data look the same. Labels of which a part is right
are learned in part, and are not told.

## Example
    rng.shuffle(x)
    rng.shuffle(y)                      # another order than that of x

## Use instead
    order = rng.permutation(len(x))
    x, y = x[order], y[order]

## Fix safety
Needs review where the code gives inputs and labels an order each; else an example, for where
they have parted is not seen.

## References
Zhang et al., Understanding deep learning requires rethinking generalization (2017): networks fit
random labels.
"""

from __future__ import annotations

from collections.abc import Iterable

from ..findings import Diagnosis, Evidence, Remedy
from ..history import History, WindowTotal
from ..statistics import number, percent
from . import gates
from .base import SYMPTOMS
from .validation import Validation, accuracy, collapsed, not_validated, validation

# Ranks of the corpus' shuffled labels: .47 to .52 over 200 and more samples of validation; a
# standard error is .04 for 200 samples of two classes.
CHANCE_RANK = 0.55
# What training reaches meanwhile, well above chance.
LEARNED_RANK = 0.65


class NoisyLabels:
    code = "CM304"
    name = "noisy-labels"
    says = "the labels do not depend on the inputs"
    explains: tuple[str, ...] = ("overfitting", *SYMPTOMS)

    def missing(self, history: History) -> str | None:
        return not_validated(history)

    def check(self, history: History) -> Iterable[Diagnosis]:
        for site in gates.classification_sites(history):
            seen = validation(history, site)
            if seen is not None and _learned(seen.train):
                every = WindowTotal.of([one.window for one in seen.evaluations])
                told_apart = not collapsed(seen.last)  # noise is learned with all its classes
                if told_apart and _tells_nothing(seen.last) and _tells_nothing(every):
                    yield self._diagnosis(seen, every)

    def _diagnosis(self, seen: Validation, every: WindowTotal) -> Diagnosis:
        train, last = seen.train, seen.last
        return Diagnosis(
            rule=self.name,
            code=self.code,
            severity="error",
            confidence="likely",
            message="what is learned by heart says nothing of other samples",
            evidence=(
                Evidence(
                    f"validation: rank {number(every.rank)} (chance 0.5); loss "
                    f"{number(last.cross_entropy_over_entropy)} x a constant answer's",
                    {
                        "rank": every.rank,
                        "cross_entropy_over_entropy": last.cross_entropy_over_entropy,
                    },
                ),
                Evidence(
                    f"training: rank {number(train.rank)}; loss "
                    f"{number(train.cross_entropy_over_entropy)} x a constant answer's",
                    {
                        "train_rank": train.rank,
                        "train_cross_entropy_over_entropy": train.cross_entropy_over_entropy,
                    },
                ),
                Evidence(
                    f"right: {percent(accuracy(train))} in training, {percent(accuracy(last))} in "
                    f"validation",
                    {"train_accuracy": accuracy(train), "accuracy": accuracy(last)},
                ),
            ),
            step=max(train.last_step, last.last_step),
            since_step=seen.evaluations[0].first_step,
            remedy=Remedy("pair-labels", "bring inputs and labels into one order together"),
            target="labels",
            site=seen.site,
        )


def _learned(train: WindowTotal) -> bool:
    learned = train.cross_entropy_over_entropy < gates.HAS_LEARNED
    return learned and train.rank >= LEARNED_RANK


def _tells_nothing(evaluation: WindowTotal) -> bool:
    return evaluation.rank < CHANCE_RANK and evaluation.cross_entropy_over_entropy > 1
