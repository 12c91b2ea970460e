"""no-optimizer-step (CM414)

## What it checks
Whether losses are sent backward while no optimizer ever makes a step.

## Why it matters
Gradients are computed and thrown away: the weights stay what they were, and so do the predictions.
The loss jumps about from batch to batch as if it was trained.

## How it is measured
An optimizer among the variables, no step of it, and weights that are bit for bit what they were:
after 256 backwards, two epochs, or at the end of the cell if there were more than 16. A scheduler's
step is none. Nothing is said of a model whose answers already beat a constant one: there gradients
are wanted for themselves.

## Known limits
A cell that only studies the gradients of an untrained model looks the same, if an optimizer for it
is in sight.

## Example
    for x, y in loader:
        optimizer.zero_grad()
        loss_of(model(x), y).backward()
        scheduler.step()

## Use instead
    for x, y in loader:
        optimizer.zero_grad()
        loss_of(model(x), y).backward()
        optimizer.step()
        scheduler.step()

## Fix safety
Needs review: where the step belongs is guessed from where the loss is sent backward.

## References
PyTorch, How to use an optimizer ("taking an optimization step").
"""

from __future__ import annotations

from collections.abc import Iterable

from ..findings import Diagnosis, Evidence, Remedy
from ..history import History
from ..records import TrainingLoop
from ..statistics import number
from . import gates
from .stepping import SYMPTOMS, site_of
from .wording import loss_ends

# Gradients of a few dozen batches may be gathered for one step, or those of one whole epoch.
MANY_BACKWARDS = 256
EPOCHS = 2


class NoOptimizerStep:
    code = "CM414"
    name = "no-optimizer-step"
    says = "losses and backwards, but no step (or only the scheduler's)"
    explains: tuple[str, ...] = SYMPTOMS

    def missing(self, history: History) -> str | None:
        if history.fits and not history.training_loops():
            return "the steps are made by a single call"
        return None if history.sites() else "no loss was seen"

    def check(self, history: History) -> Iterable[Diagnosis]:
        idle = [
            loop
            for loop in history.training_loops()
            if not loop.optimizer and not loop.steps and _is_late(history, loop)
        ]
        if not idle:
            return
        models = tuple(
            wiring.model
            for wiring in history.wirings()
            if wiring.optimizers and wiring.model is not None
        )
        site = site_of(history, models)
        if not models or site is None or gates.has_learned(history, site):
            return
        for loop in idle:
            yield self._diagnosis(history, loop, site)

    def _diagnosis(self, history: History, loop: TrainingLoop, site: str) -> Diagnosis:
        evidence = [
            Evidence(
                f"{loop.backwards:,} backwards, 0 steps of an optimizer; the weights have not "
                "moved",
                {"backwards": float(loop.backwards), "steps": 0.0},
            )
        ]
        first, last = loss_ends(history, site)
        if first == first and last == last:
            evidence.append(
                Evidence(
                    f"loss {number(first)} at the start, {number(last)} now",
                    {"first": first, "last": last},
                )
            )
        return Diagnosis(
            rule=self.name,
            code=self.code,
            severity="error",
            confidence="certain",
            message=f"{loop.backwards:,} backwards and no step",
            evidence=tuple(evidence),
            step=loop.step,
            since_step=1,
            remedy=Remedy("make-step", "let the optimizer make a step after each backward"),
            target="backward",
            site=site,
            structural=True,
        )


def _is_late(history: History, loop: TrainingLoop) -> bool:
    return (
        history.finished
        or loop.backwards >= MANY_BACKWARDS
        or (history.epochs is not None and history.epochs >= EPOCHS)
    )
