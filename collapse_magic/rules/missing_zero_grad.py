"""missing-zero-grad (CM410)

## What it checks
Whether the gradients of one step are still there when those of the next are added.

## Why it matters
Each step then goes along the sum of all gradients since the start, most of which belong to weights
that are long gone. Steps grow from one to the next, and overshoot.

## How it is measured
Stretches from one step of an optimizer to its next, with the gradients cleared somewhere between,
and without: it fires after 20 without, if less than one in ten was cleared. Certain: however many
backwards there are to a step, a stretch without any clearing is none of accumulation.

## Known limits
Gradients on a device, and those of fused optimizers, are judged only where their versions tell.

## Example
    for x, y in loader:
        loss_of(model(x), y).backward()
        optimizer.step()

## Use instead
    for x, y in loader:
        optimizer.zero_grad()
        loss_of(model(x), y).backward()
        optimizer.step()

## Fix safety
Needs review: with gradients of the right size the learning rate may be too small.

## References
PyTorch, Optimizer.zero_grad; the tutorial "Zeroing out gradients in PyTorch".
"""

from __future__ import annotations

import math
from collections.abc import Iterable

from ..findings import Diagnosis, Evidence, Remedy
from ..history import History
from ..records import TrainingLoop
from ..statistics import number
from .stepping import SYMPTOMS, gradient_norms, site_of

# Twenty steps in a row are no accumulation of anybody's.
MIN_KEPT = 20
# Gradients that are cleared once an epoch are cleared in the wrong loop.
CLEARED_SHARE = 0.1
# Less growth than this is what gradients do by themselves.
GROWTH = 1.5


class MissingZeroGrad:
    code = "CM410"
    name = "missing-zero-grad"
    says = "gradients pile up from step to step"
    explains: tuple[str, ...] = ("non-finite", "exploding-gradients", *SYMPTOMS)

    def missing(self, history: History) -> str | None:
        return None if history.training_loops() else "no training loop was seen"

    def check(self, history: History) -> Iterable[Diagnosis]:
        told: set[str | None] = set()
        for loop in history.training_loops():
            if loop.kept < MIN_KEPT or loop.cleared > CLEARED_SHARE * (loop.cleared + loop.kept):
                continue
            models = _models(history, loop)
            if not _are_reached(history, models):
                continue
            site = site_of(history, models)
            if site not in told:
                told.add(site)
                yield self._diagnosis(history, loop, models, site)

    def _diagnosis(
        self, history: History, loop: TrainingLoop, models: tuple[str, ...], site: str | None
    ) -> Diagnosis:
        stretches = loop.cleared + loop.kept
        evidence = [
            Evidence(
                f"gradients cleared before {loop.cleared:,} of {stretches:,} steps that were seen "
                "(want: all)",
                {"cleared": float(loop.cleared), "seen": float(stretches)},
            )
        ]
        first, last = gradient_norms(history, models[0]) if models else (math.nan, math.nan)
        if last > GROWTH * first:
            evidence.append(
                Evidence(
                    f"gradient norm {number(first)} at the first look, {number(last)} at the last",
                    {"first": first, "last": last},
                )
            )
        return Diagnosis(
            rule=self.name,
            code=self.code,
            severity="error",
            confidence="certain",
            message="gradients pile up from step to step",
            evidence=tuple(evidence),
            step=loop.step,
            since_step=1,
            remedy=Remedy(
                "clear-gradients", "clear the gradients once a step", {"optimizer": loop.optimizer}
            ),
            target="backward",
            site=site,
            structural=True,
        )


def _models(history: History, loop: TrainingLoop) -> tuple[str, ...]:
    for facts in history.optimizers():
        if facts.optimizer == loop.optimizer:
            return facts.models
    return ()


def _are_reached(history: History, models: tuple[str, ...]) -> bool:
    """Whether a loss was sent back to what the optimizer holds: others give it gradients by hand,
    those of copies on other machines, say, and what stands is replaced."""
    return any(wiring.model is None or wiring.model in models for wiring in history.wirings())
