"""one-class-batches (CM302)

## What it checks
Whether (nearly) every batch holds a single class, long runs of one class after the other: data that
are sorted and not shuffled.

## Why it matters
Each batch pulls towards its own class and no other, so the model learns the order of the data, not
the data: it says the class of the moment and forgets the others. The loss falls and the training
accuracy looks well within each run of a class; what is left at the end is the class that came last.

## How it is measured
80% of the batches (of 8 samples or more) hold one class, though by chance hardly any would, and the
order shows in more than the first epoch. The harm is measured where the class changes: of the
samples right after a batch of another class, surely fewer are recognised (Wilson bound) than by
guessing. Where the training goes over its data once, it is said at the end.

## Known limits
Classes of fewer than four batches each, and batches that a sampler fills with one class in turn,
are not told from the batches of a GAN and stay unsaid. Nothing is said of batches below 8 samples,
nor of an order that does no harm, as in many time series.

## Example
    loader = DataLoader(folders_in_order, batch_size=32)

## Use instead
    loader = DataLoader(folders_in_order, batch_size=32, shuffle=True)

## Fix safety
Needs review: a series whose batches have to follow each other in time must not be shuffled.

## References
Bengio, Practical Recommendations for Gradient-Based Training of Deep Architectures (2012), on the
order of the samples; McCloskey and Cohen, Catastrophic Interference in Connectionist Networks
(1989).
"""

from __future__ import annotations

import math
from collections.abc import Iterable

from ..findings import Diagnosis, Evidence, Remedy
from ..history import History, WindowTotal
from ..statistics import percent, ratio, wilson_bounds
from . import gates
from .base import SYMPTOMS
from .wording import fitting

# Newcomers come by the batch and are alike: three changes at least, and two windows' worth of them.
MIN_NEWCOMERS = 64
MIN_CHANGES = 3
# A GAN's batches are real and made up in turn: nearly all of their samples are newcomers, of sorted
# data with four batches a class a quarter is.
IN_TURN = 0.25


class OneClassBatches:
    code = "CM302"
    name = "one-class-batches"
    says = "sorted or unshuffled data: batches of one class each"
    explains: tuple[str, ...] = ("class-imbalance", *SYMPTOMS)

    def missing(self, history: History) -> str | None:
        return gates.no_classification(history)

    def check(self, history: History) -> Iterable[Diagnosis]:
        for site in gates.classification_sites(history):
            total = _beyond_one_epoch(history, site)
            if (
                total is not None
                and not _in_turn(history, site)
                and gates.sees_one_class_at_a_time(total)
                and gates.holds_one_class_each(history.windows(site)[-1])
                and _is_enough(total)
                and _found(total)[1] < _guessing(total)
            ):
                yield self._diagnosis(history, site, total)

    def is_over(self, history: History, diagnosis: Diagnosis) -> bool:
        """Batches of several classes end it, or newcomers that are recognised."""
        total = history.total(diagnosis.site or "", "train", gates.MIN_SAMPLES)
        if total is None or not gates.holds_one_class_each(total.window):
            return True
        return _is_enough(total) and _found(total)[0] > _guessing(total)

    def _diagnosis(self, history: History, site: str, total: WindowTotal) -> Diagnosis:
        window = total.window
        found, guessing = ratio(window.newcomers_found, window.newcomers), _guessing(total)
        single = ratio(window.single_class_batches, window.batches)
        epoch = math.ceil(total.batch_size * history.steps / max(history.epochs or 1, 1))
        return Diagnosis(
            rule=self.name,
            code=self.code,
            severity="error",
            confidence="likely",
            message=f"{percent(single, 0)} of the batches hold one class only",
            evidence=(
                Evidence(
                    fitting(
                        [
                            f"{window.single_class_batches:,} of {window.batches:,} batches are of "
                            f"one class",
                            f"by chance {percent(gates.one_class_by_chance(total), 0)}",
                        ]
                    ),
                    {"single_class": single, "by_chance": gates.one_class_by_chance(total)},
                ),
                Evidence(
                    f"where the class changes {percent(found, 0)} of {window.newcomers:,} samples "
                    f"are right (guessing: {percent(guessing, 0)})",
                    {"found": found, "guessing": guessing, "newcomers": window.newcomers},
                ),
            ),
            step=total.last_step,
            since_step=history.windows(site)[0].first_step,
            remedy=Remedy("shuffle-data", "shuffle the training data", {"samples": epoch}),
            target="data",
            site=site,
        )


def _beyond_one_epoch(history: History, site: str) -> WindowTotal | None:
    """What came after the first epoch, which some sort on purpose; all where there is but one.

    In a fast training a window may begin in it and yet hold more of what comes after.
    """
    epochs = history.epochs or 0
    if epochs < 2 and not history.finished:
        return None
    since = history.steps // epochs if epochs > 1 else 0
    windows = history.windows(site)
    late = [window for window in windows if window.first_step + window.last_step > 2 * since]
    return WindowTotal.of(late) if late and history.fitted(site) is None else None


def _in_turn(history: History, site: str) -> bool:
    """Whether the classes change from batch to batch, where the fewest batches were left out."""
    windows = history.windows(site)
    densest = min(window.one_in for window in windows)
    dense = WindowTotal.of([window for window in windows if window.one_in == densest])
    return dense.window.newcomers > IN_TURN * dense.samples


def _is_enough(total: WindowTotal) -> bool:
    return total.window.newcomers >= max(MIN_NEWCOMERS, MIN_CHANGES * total.batch_size)


def _found(total: WindowTotal) -> tuple[float, float]:
    return wilson_bounds(total.window.newcomers_found, total.window.newcomers)


def _guessing(total: WindowTotal) -> float:
    return 1 / sum(count > 0 for count in total.window.labels)
