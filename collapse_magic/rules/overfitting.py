"""overfitting (CM105)

## What it checks
Whether training improves while validation gets worse.

## Why it matters
From some epoch on the model learns the training samples, noise and all, in place of what they have
in common. Every epoch more then makes it worse for what it is meant for.

## How it is measured
By the tool's own cross entropy over the entropy of the labels, in training and in validation, with
evaluations of 150 samples and more. The best one costs less than .97 of a constant answer, or less
than all of it and ranks better than .6 (chance is .5), or all together rank so; the last evaluation
costs a quarter and .1 more, no evaluation since has come back to that, and training costs less than
then. It is a warning where the answers suffer: accuracy is surely (two standard errors) lower than
at the best evaluation, or the loss is worse than a constant answer's. Otherwise the model is only
too sure of what it says, and that is a note. So it is where validation stands still: at the end 99%
of the training samples are right at next to no cost (.05 of a constant answer's), and of
validation, surely, 15 points less; or where there is no validation, and so few samples (100 and
less an epoch) were learned by heart over twenty epochs and more.

## Known limits
Where validation ranks like chance it is said by noisy-labels, and train-eval-gap may be the reason.

## Example
    model.fit(x, y, epochs=500, validation_data=(x_val, y_val))

## Use instead
    stop = keras.callbacks.EarlyStopping(patience=5, restore_best_weights=True)
    model.fit(x, y, epochs=500, validation_data=(x_val, y_val), callbacks=[stop])

## Fix safety
Needs review: an early stop keeps the best weights that were seen; more data, a smaller model or
weight decay may do better.

## References
Prechelt, Early Stopping - But When? (1998).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

from ..findings import Diagnosis, Evidence, Remedy
from ..history import History, WindowTotal
from ..statistics import number, percent
from . import gates
from .validation import MIN_SAMPLES, Validation, accuracy, not_validated, validation

# Losses of evaluations of some hundred samples go up and down by a few percent.
WORSE_BY = 1.25
WORSE_BY_AT_LEAST = 0.1
# Losses in training are means over a window: a tenth less is more than their noise.
BETTER_BY = 0.9
STANDARD_ERRORS = 2.0
# Learned by heart: of a constant answer's loss no more than this is left, and nearly all is right.
BY_HEART = 0.05
BY_HEART_ACCURACY = 0.99
# So many points less are right of what was not learned.
GAP = 0.15
# An epoch of so few samples tells little of what they stand for.
FEW_SAMPLES = 100
MANY_EPOCHS = 20
# Where one label in three is wrong the best there is costs .92 of a constant answer: in evaluations
# of some hundred samples the ranking tells that from nothing, for chance mostly stays below .6.
FOLLOWS = 0.6


class Overfitting:
    code = "CM105"
    name = "overfitting"
    says = "training improves while validation gets worse"
    explains: tuple[str, ...] = ()

    def missing(self, history: History) -> str | None:
        reason = not_validated(history)
        # but few samples that are learned by heart are told without
        return None if any(True for _ in self.check(history)) else reason

    def check(self, history: History) -> Iterable[Diagnosis]:
        for site in gates.classification_sites(history):
            seen = validation(history, site)
            best = None if seen is None else _best(seen.evaluations)
            then = None if best is None else _training_at(history, site, best.last_step)
            if seen is not None and best is not None and then is not None:
                if _over(seen.train) < BETTER_BY * _over(then):
                    yield self._diagnosis(history, seen, best, then)
            elif history.finished:
                yield from self._by_heart(history, site, seen)

    def _by_heart(
        self, history: History, site: str, seen: Validation | None
    ) -> Iterable[Diagnosis]:
        """A note at the end: validation never got to what training did, or there is none."""
        train = history.total(site, "train", MIN_SAMPLES)
        if train is None or history.fitted(site) or not _is_learned(train):
            return
        few = _samples_of_an_epoch(history, train)
        if seen is not None and _lags(train, seen.last):
            shares = percent(accuracy(train)), percent(accuracy(seen.last))
            message = f"{shares[0]} right in training, {shares[1]} in validation"
            more = Evidence(
                f"validation: loss {number(_over(seen.last))} x a constant answer's; rank "
                f"{number(seen.last.rank)} (chance 0.5)",
                {"cross_entropy_over_entropy": _over(seen.last), "rank": seen.last.rank},
            )
        elif few and not history.windows(site, "eval"):
            message = f"{few:,} samples are learned by heart, and none is kept to validate"
            more = Evidence(
                f"{few:,} samples an epoch, {history.epochs:,} epochs",
                {"samples_of_an_epoch": float(few), "epochs": float(history.epochs or 0)},
            )
        else:
            return
        yield Diagnosis(
            rule=self.name,
            code=self.code,
            severity="info",
            confidence="likely" if seen is not None else "to check",
            message=message,
            evidence=(
                Evidence(
                    f"training: loss {number(_over(train))} x a constant answer's",
                    {"train_cross_entropy_over_entropy": _over(train)},
                ),
                more,
            ),
            step=train.last_step,
            since_step=train.first_step,
            remedy=Remedy(
                "stop-early", "stop where validation is best, and keep those weights", {}
            ),
            target="model",
            site=site,
        )

    def _diagnosis(
        self, history: History, seen: Validation, best: WindowTotal, then: WindowTotal
    ) -> Diagnosis:
        last = seen.last
        suffers = _lost(best, last) or _over(last) > 1
        return Diagnosis(
            rule=self.name,
            code=self.code,
            severity="warning" if suffers else "info",
            confidence="likely",
            message=f"validation gets worse since step {best.last_step:,}",
            evidence=(
                Evidence(
                    f"validation: loss {number(_over(last))} x a constant answer's, "
                    f"{number(_over(best))} at best",
                    {"cross_entropy_over_entropy": _over(last), "at_best": _over(best)},
                ),
                Evidence(
                    f"training: loss {number(_over(seen.train))} x a constant answer's, "
                    f"{number(_over(then))} then",
                    {"train_cross_entropy_over_entropy": _over(seen.train), "then": _over(then)},
                ),
                Evidence(
                    f"right in validation: {percent(accuracy(last))}, {percent(accuracy(best))} "
                    f"then",
                    {"accuracy": accuracy(last), "accuracy_at_best": accuracy(best)},
                ),
            ),
            step=max(seen.train.last_step, last.last_step),
            since_step=best.last_step,
            remedy=Remedy(
                "stop-early",
                "stop where validation is best, and keep those weights",
                # how much of the training is left is only known at its end
                {"best_step": best.last_step, "steps": history.steps} if history.finished else {},
            ),
            target="model",
            site=seen.site,
        )


def _over(total: WindowTotal) -> float:
    return total.cross_entropy_over_entropy


def _best(evaluations: Sequence[WindowTotal]) -> WindowTotal | None:
    """The best evaluation, where it was good and all since the middle of what followed are clearly
    worse: the middle by steps, for how many evaluations go into one window hangs on the machine."""
    best = min(range(len(evaluations)), key=lambda index: _over(evaluations[index]))
    cost = _over(evaluations[best])
    bound = max(WORSE_BY * cost, cost + WORSE_BY_AT_LEAST)
    middle = (evaluations[best].last_step + evaluations[-1].last_step) / 2
    late = [one for one in evaluations[best + 1 :] if one.first_step >= middle]
    every = WindowTotal.of([one.window for one in evaluations])
    ranked = evaluations[best].rank if cost < 1 else every.rank
    good = cost < gates.NOT_LEARNING or ranked >= FOLLOWS
    return evaluations[best] if good and late and all(_over(e) > bound for e in late) else None


def _training_at(history: History, site: str, step: int) -> WindowTotal | None:
    """Training at a step; where too little had been seen by then, the first that was enough."""
    needed = gates.MIN_SAMPLES // 2
    then = history.total_until(site, "train", needed, step)
    first = history.totals(site, "train", needed)[:1]
    return then or (first[0] if first else None)


def _lost(best: WindowTotal, last: WindowTotal) -> bool:
    """Whether accuracy is surely lower: by standard errors of the difference of two shares."""
    before, after = accuracy(best), accuracy(last)
    noise = math.sqrt(
        before * (1 - before) / best.samples + after * (1 - after) / last.samples,
    )
    return before - after > STANDARD_ERRORS * noise


def _is_learned(train: WindowTotal) -> bool:
    return _over(train) <= BY_HEART and accuracy(train) >= BY_HEART_ACCURACY


def _lags(train: WindowTotal, last: WindowTotal) -> bool:
    """Whether validation, which follows the inputs, is surely right in so many points less."""
    right = accuracy(last)
    noise = math.sqrt(right * (1 - right) / last.samples)
    return last.rank >= FOLLOWS and accuracy(train) - right - STANDARD_ERRORS * noise > GAP


def _samples_of_an_epoch(history: History, train: WindowTotal) -> int:
    """Where an epoch has few samples, and there are many: how many samples; else 0."""
    epochs = history.epochs or 0
    if epochs < MANY_EPOCHS:
        return 0
    samples = round(history.steps / epochs * train.samples / train.window.batches)
    return samples if samples <= FEW_SAMPLES else 0
