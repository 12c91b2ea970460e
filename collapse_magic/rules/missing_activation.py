"""missing-activation (CM402)

## What it checks
Whether raw outputs go into a loss that wants probabilities or their logarithms.

## Why it matters
A binary cross entropy on raw outputs raises, or where it is written by hand yields NaN. A negative
log-likelihood on raw outputs falls below zero without end, and rewards one large output for every
input.

## How it is measured
Outputs outside [0, 1] at a loss that wants probabilities, in 1% of the samples or more, or where
the call raised for them; outputs above 0 at a negative log-likelihood, which wants the logarithms
of probabilities. Certain.

## Known limits
Probabilities in a negative log-likelihood are named, but not rewritten: whether the model or the
loss is to change is open.

## Example
    loss = nn.NLLLoss()(model(x), y)             # model(x) are raw outputs

## Use instead
    loss = nn.CrossEntropyLoss()(model(x), y)

## Fix safety
Needs review: the loss for raw outputs is the right partner of the model as it is; what reads them
must know.

## References
PyTorch, NLLLoss: "the input is expected to contain log-probabilities"; BCEWithLogitsLoss on
numerical stability.
"""

from __future__ import annotations

from collections.abc import Iterable

from ..findings import Diagnosis, Evidence, Remedy
from ..history import History
from ..records import LossFacts
from ..statistics import number, percent
from . import gates
from .base import SYMPTOMS
from .raised import TAKES_PROBABILITIES, Problem, raised_problems
from .wording import fitting, loss_name

# Probabilities that were rounded may lie outside by a hair; raw outputs do so in bulk.
OUTSIDE_SHARE = 0.01
SQUASHING = ("softmax", "sigmoid")


class MissingActivation:
    code = "CM402"
    name = "missing-activation"
    says = "raw outputs into a loss that wants probabilities or log-probabilities"
    explains: tuple[str, ...] = (
        "non-finite",
        "learning-rate-too-high",
        "wrong-loss",
        "dead-relu",
        "vanishing-gradients",
        "class-imbalance",
        *SYMPTOMS,
    )

    def missing(self, history: History) -> str | None:
        return None if history.sites() or history.raised() else "no loss was seen"

    def check(self, history: History) -> Iterable[Diagnosis]:
        for site in history.sites():
            facts = history.loss_facts(site)
            evidence = _seen(history, facts) if facts is not None else None
            if facts is not None and evidence is not None:
                step = max(facts.step, history.steps)
                nearest = facts.activations[0] if facts.activations else ""
                about = (evidence, Evidence(f"loss {loss_name(history, facts.loss)}"))
                yield self._diagnosis(facts.loss, nearest, about, step, facts.step, site)
        for record in raised_problems(history, Problem.RAW_OUTPUT):
            evidence = Evidence(
                f"outputs {number(record.input_min)} to {number(record.input_max)}; "
                "the loss takes 0 to 1",
                {"input_min": record.input_min, "input_max": record.input_max},
            )
            about = (evidence, Evidence(f"loss {loss_name(history, record.loss)}"))
            yield self._diagnosis(record.loss, "", about, record.step, record.step, None)

    def _diagnosis(
        self,
        loss: str,
        nearest: str,
        evidence: tuple[Evidence, ...],
        step: int,
        since: int,
        site: str | None,
    ) -> Diagnosis:
        wanted = "probabilities" if loss in TAKES_PROBABILITIES else "log-probabilities"
        squashed = nearest in SQUASHING
        return Diagnosis(
            rule=self.name,
            code=self.code,
            severity="error",
            confidence="certain",
            message=f"{nearest or 'raw'} outputs, not {wanted}",
            evidence=evidence,
            step=step,
            since_step=since,
            # behind a softmax the loss for raw outputs would apply a second one
            remedy=None
            if squashed
            else Remedy("use-logits-loss", "take the loss for raw outputs", {"loss": loss}),
            target="loss",
            site=site,
            structural=True,
        )


def _seen(history: History, facts: LossFacts) -> Evidence | None:
    windows = history.windows(facts.site)
    if facts.task not in gates.CLASSIFICATION or not windows:
        return None
    outside = windows[-1].outside_unit
    if facts.loss in TAKES_PROBABILITIES and outside >= OUTSIDE_SHARE:
        return Evidence(
            f"{percent(outside)} of the outputs lie outside 0 to 1", {"outside_unit": outside}
        )
    if facts.loss == "nll" and outside >= OUTSIDE_SHARE:
        lowest = min(history.loss_values(facts.site)[1], default=0.0)
        parts = [f"{percent(outside)} of the outputs are above 0 (allowed: none)"]
        if lowest < 0:
            parts.append(f"loss {number(lowest)}")
        return Evidence(
            fitting(parts),
            {"outside": outside, "lowest_loss": lowest},
        )
    return None
