"""undertrained (CM416)

## What it checks
Whether the training ended while it was still improving, far from having learned.

## Why it matters
Early on the frequent classes are found first and the others not at all, which looks like a collapse
and is none. More steps are the cheapest of all cures, and no other cause can be told before.

## How it is measured
When the training has ended, of its own or because it was stopped: the loss is still .7 or more of a
constant answer's, and in the last of two windows of at least 512 samples it is 1% below everything
before, or the scores rank clearly better (.05) than in the window before; and they rank better than
chance (.55), so that there is something to go on with. It is a note, never an alarm.

## Known limits
That the loss goes on falling as it did is likely, and not sure. A model that one call has fitted
has an end of its own, and is left alone. Of fewer than 30 steps nothing is said.

## Example
    for epoch in range(1):
        train(model, loader)

## Use instead
    for epoch in range(30):
        train(model, loader)

## Fix safety
Needs review: ten times as many rounds are a guess; how many it takes is not known before.

## References
Prechelt, Early Stopping - But When? (1998).
"""

from __future__ import annotations

from collections.abc import Iterable

from ..findings import Diagnosis, Evidence, Remedy
from ..history import History
from ..statistics import number
from . import gates
from .not_learning import is_time

# Of what a constant answer leaves open at least this much is open yet; the healthy programs of the
# corpus that still improve at the end are below.
FAR_FROM_LEARNED = 0.7
# Where half of every class is found, what is left is the difficulty of the task.
FOUND = 0.5


class Undertrained:
    code = "CM416"
    name = "undertrained"
    says = "improving steadily, stopped far too early"
    explains: tuple[str, ...] = ()

    def missing(self, history: History) -> str | None:
        return gates.no_classification(history)

    def check(self, history: History) -> Iterable[Diagnosis]:
        if not (history.finished and is_time(history)):
            return
        for site in gates.classification_sites(history):
            facts = history.loss_facts(site)
            look = gates.look(history, site)
            if (
                look is not None
                and not look.fitted
                and not (facts is not None and facts.weighted)
                and min(look.last.recall) < FOUND
                and look.last.cross_entropy_over_entropy >= FAR_FROM_LEARNED
                and look.last.rank > gates.CHANCE_RANK
                and gates.gets_better(history, look)
            ):
                yield self._diagnosis(history, look)

    def _diagnosis(self, history: History, look: gates.Look) -> Diagnosis:
        before, last = look.before, look.last
        over = before.cross_entropy_over_entropy, last.cross_entropy_over_entropy
        return Diagnosis(
            rule=self.name,
            code=self.code,
            severity="info",
            confidence="likely",
            message=f"still improving when it ended at step {last.last_step:,}",
            evidence=(
                Evidence(
                    f"loss {number(over[1])} x a constant answer's, {number(over[0])} before",
                    {
                        "cross_entropy_over_entropy": over[1],
                        "cross_entropy_over_entropy_before": over[0],
                    },
                ),
                Evidence(
                    f"rank {number(last.rank)}, {number(before.rank)} before (chance 0.5)",
                    {"rank": last.rank, "rank_before": before.rank},
                ),
            ),
            step=last.last_step,
            since_step=before.first_step,
            remedy=Remedy("train-longer", "train longer", {"steps": history.steps}),
            target="backward",
            site=look.site,
        )
