"""missing-class (CM102)

## What it checks
Whether a class that is in the labels is (nearly) never predicted, while others are told apart.

## Why it matters
The whole looks well: with ten classes, one that is never predicted costs a tenth of the accuracy.
It is a symptom: where another rule finds a cause at the same loss, this finding stands below it.

## How it is measured
Over two windows running of training samples that hold at least 50 cases of the class each: fewer
than one case in twenty is found and fewer predictions than a twentieth of its cases name it, in
both, while some other class has a recall of .5 or more and none takes all predictions. It is told
when the training has ended, and while it runs after ten epochs and a thousand steps; not while the
recall is on its way, nor of a class that is rare beside the most frequent one, which is the affair
of class-imbalance. A training that ends before a thousand steps may still have been on its way:
there it is a note.

## Known limits
A class that another one covers entirely cannot be told from one that the model has not found yet.
Of classes with fewer than 100 cases nothing is said.

## Example
    y = np.digitize(score, bins=[0, 1, 2])      # class 1 gets the labels of class 2 by mistake
    loss = nn.CrossEntropyLoss()(model(x), y)

## Use instead
    # compare np.bincount(y) with what you expect of each class, and look at some samples of the
    # class that is never predicted

## Fix safety
Needs review where the code shows why (layers without a non-linearity between them, a mean over the
batch, rows in place of columns, an augmentation); else an example that tests a single batch.

## References
Sokolova and Lapalme, A systematic analysis of performance measures for classification tasks (2009):
per-class recall shows what accuracy hides.
"""

from __future__ import annotations

import math
from collections.abc import Iterable

from ..findings import Diagnosis, Evidence
from ..history import History
from ..statistics import percent
from . import gates
from .not_learning import PATIENT_STEPS, is_time
from .one_batch import learn_one_batch
from .progress import recall_gets_there

MIN_CASES = 50
# Of 50 cases two are found by chance where a class is named in a twentieth of the answers.
HARDLY_FOUND = 0.05
# Somebody has to be found, or the model is not telling classes apart at all.
FOUND = 0.5
# Rarer than a quarter of the most frequent one: an imbalance.
RARE = 4.0


class MissingClass:
    code = "CM102"
    name = "missing-class"
    says = "a class that is in the labels is (nearly) never predicted"
    explains: tuple[str, ...] = ()

    def missing(self, history: History) -> str | None:
        return gates.no_classification(history)

    def check(self, history: History) -> Iterable[Diagnosis]:
        for site in gates.classification_sites(history):
            counts = history.label_counts(site)
            needed = _needed(counts)
            look = gates.look(history, site, needed) if needed else None
            if look is None or not (look.fitted or is_time(history)):
                continue
            if gates.sees_one_class_at_a_time(look.last):
                continue
            lost = [
                index
                for index in range(look.last.classes)
                if _is_lost(look, index)
                and (
                    look.fitted or not recall_gets_there(history, look, index, HARDLY_FOUND, needed)
                )
            ]
            if lost and look.last.top < gates.ONE_CLASS_SHARE and max(look.last.recall) >= FOUND:
                yield self._diagnosis(history, look, lost)

    def _diagnosis(self, history: History, look: gates.Look, lost: list[int]) -> Diagnosis:
        both = look.both
        early = not look.fitted and history.steps < PATIENT_STEPS
        worst = max(lost, key=both.window.labels.__getitem__)
        name = history.class_name(look.site, worst)
        others = f" (and {len(lost) - 1} more)" if len(lost) > 1 else ""
        predicted, label = both.predicted_share[worst], both.prior[worst]
        return Diagnosis(
            rule=self.name,
            code=self.code,
            severity="info" if early else "warning",
            confidence="to check" if early else "likely",
            message=f"{name} is (nearly) never predicted{others}",
            evidence=(
                Evidence(
                    f"{name}: {percent(predicted)} of predictions, {percent(label)} of labels; "
                    f"{both.window.correct[worst]:,} of {both.window.labels[worst]:,} cases found",
                    {
                        "predicted_share": predicted,
                        "label_share": label,
                        "recall": both.recall[worst],
                        "classes": len(lost),
                    },
                ),
            ),
            step=look.last.last_step,
            since_step=look.before.first_step,
            remedy=learn_one_batch(look.last),
            target="model",
            site=look.site,
        )


def _needed(counts: tuple[int, ...]) -> int:
    """Samples of one window, so that it holds enough of every class that is judged; 0: none is."""
    judged = [count for count in counts if count * RARE > max(counts) and count >= 2 * MIN_CASES]
    if not judged:
        return 0
    return max(gates.needed_samples(len(counts)), math.ceil(MIN_CASES / min(judged) * sum(counts)))


def _is_lost(look: gates.Look, index: int) -> bool:
    for total in (look.before, look.last):
        cases = total.window.labels[index]
        if cases < MIN_CASES or cases * RARE <= max(total.window.labels):
            return False
        if max(total.window.correct[index], total.window.predicted[index]) >= HARDLY_FOUND * cases:
            return False
    return True
