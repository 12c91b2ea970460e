"""not-learning (CM104)

## What it checks
Whether the model is no better than always answering with the class frequencies.

## Why it matters
The loss may fall all the same: from what the first weights cost to what a constant answer costs. It
is a symptom: where another rule finds a cause at the same loss, this finding stands below it.

## How it is measured
By the tool's own unweighted cross entropy of the predicted probabilities over the entropy of the
labels: 1 is a constant answer. It is told when the training has ended after an epoch and 200 steps
or more, and while it still runs after ten epochs and a thousand steps: the last two windows of at
least 512 samples (and 20 per class) are .97 or more, neither gets better, and the scores rank no
better than .6 (chance is .5).

## Known limits
Data that hold next to no signal look the same: the finding is right then, and no cure is at hand.
Slow starts are waited for, so that a training that is cut short before is never judged. Nor is a
model that one call has fitted: its solver has found what the inputs tell. `--probe` tells more: at
the end of the cell it says whether a copy of the model can learn one batch by heart (PyTorch).

## Example
    x = x[torch.randperm(len(x))]                 # the labels stay where they were
    loss = nn.CrossEntropyLoss()(model(x), y)     # falls to that of a constant answer

## Use instead
    # first of all: can the model learn one small batch by heart? If so, look at the data and at the
    # learning rate; if not, something is wired wrongly.

## Fix safety
Needs review where the code shows why (layers without a non-linearity between them, a mean over the
batch, rows in place of columns, an augmentation); else an example that tests a single batch.

## References
Karpathy, A Recipe for Training Neural Networks (2019): "verify loss at init", "overfit one batch".
"""

from __future__ import annotations

from collections.abc import Iterable

from ..findings import Diagnosis, Evidence
from ..history import History
from ..statistics import number
from . import gates
from .one_batch import learn_one_batch

# A recurrent net may answer with one value for five epochs before it learns: while it runs, twice
# that is waited for.
PATIENT_EPOCHS = 10
PATIENT_STEPS = 1000
# Scores that rank like this follow the inputs, however little that gains in cross entropy.
FOLLOWS_A_LITTLE = 0.6


class NotLearning:
    code = "CM104"
    name = "not-learning"
    says = "no better than always answering with the class frequencies"
    explains: tuple[str, ...] = ()

    def missing(self, history: History) -> str | None:
        return gates.no_classification(history)

    def check(self, history: History) -> Iterable[Diagnosis]:
        for site in gates.classification_sites(history):
            look = gates.look(history, site)
            if (
                look is not None
                and not look.fitted
                and is_time(history)
                and follows_nothing(look)
                and gates.learns_nothing(history, look)
                and not gates.sees_one_class_at_a_time(look.last)
            ):
                yield self._diagnosis(look)

    def is_over(self, history: History, diagnosis: Diagnosis) -> bool:
        """A loss clearly below that of a constant answer ends it."""
        return gates.has_learned(history, diagnosis.site or "")

    def _diagnosis(self, look: gates.Look) -> Diagnosis:
        last = look.last
        over = last.cross_entropy_over_entropy
        return Diagnosis(
            rule=self.name,
            code=self.code,
            severity="warning",
            confidence="likely",
            message="no better than always answering with the class frequencies",
            evidence=(
                Evidence(
                    f"loss {number(over)} x a constant answer's; rank {number(last.rank)} "
                    f"(chance 0.5) on {last.samples:,} samples",
                    {
                        "cross_entropy_over_entropy": over,
                        "rank": last.rank,
                        "samples": last.samples,
                    },
                ),
            ),
            step=last.last_step,
            since_step=look.before.first_step,
            remedy=learn_one_batch(last),
            target="model",
            site=look.site,
        )


def is_time(history: History) -> bool:
    """Whether nobody could still call it a slow start: it has ended, or goes on for long."""
    if history.finished:
        return True
    return (history.epochs or 0) >= PATIENT_EPOCHS and history.steps >= PATIENT_STEPS


def follows_nothing(look: gates.Look) -> bool:
    """A constant answer's loss, twice, and scores that hardly rank better than chance."""
    return all(
        total.cross_entropy_over_entropy >= gates.NOT_LEARNING and total.rank < FOLLOWS_A_LITTLE
        for total in (look.before, look.last)
    )
