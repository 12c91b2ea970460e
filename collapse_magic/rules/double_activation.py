"""double-activation (CM401)

## What it checks
Whether a softmax or sigmoid stands in front of a loss that applies it again.

## Why it matters
The loss then sees numbers between 0 and 1 as if they were logits: even a perfect answer leaves a
loss well above zero, gradients are small, and with a second sigmoid every probability is at least
.5, so all predictions are
class 1. Often it still learns, but slowly and with blunt probabilities.

## How it is measured
From the operations between the model's last layer and the loss. It is certain from the first batch:
a warning while the model learns all the same, an error once the predictions are one class or
nothing is learned. The lowest loss that is possible stands beside the measured one.

## Known limits
log_softmax before cross entropy changes nothing and is not reported. A softmax hidden in code that
the probe cannot follow is not seen.

## Example
    model = nn.Sequential(nn.Linear(2, 2), nn.Softmax(dim=1))
    loss = nn.CrossEntropyLoss()(model(x), y)

## Use instead
    model = nn.Sequential(nn.Linear(2, 2))
    loss = nn.CrossEntropyLoss()(model(x), y)

## Fix safety
Needs review: code elsewhere that reads the model's outputs as probabilities has to apply the
softmax itself.

## References
PyTorch, CrossEntropyLoss: "the input is expected to contain the unnormalized logits for each
class".
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

from ..findings import Diagnosis, Evidence, Remedy, Severity
from ..history import History, WindowTotal
from ..records import LossFacts
from ..statistics import number, percent
from . import gates
from .base import SYMPTOMS
from .wording import loss_name

# Losses that apply a softmax or a sigmoid themselves.
APPLIES_SOFTMAX = ("cross_entropy",)
APPLIES_SIGMOID = ("binary_cross_entropy_with_logits",)
SQUASHING = ("softmax", "sigmoid")


class DoubleActivation:
    code = "CM401"
    name = "double-activation"
    says = "a softmax or sigmoid in front of a loss that applies it again"
    explains: tuple[str, ...] = (
        "dead-relu",
        "vanishing-gradients",
        "wrong-loss",
        "class-imbalance",
        *SYMPTOMS,
    )

    def missing(self, history: History) -> str | None:
        return None if history.sites() else "no loss was seen"

    def check(self, history: History) -> Iterable[Diagnosis]:
        for site in history.sites():
            facts = history.loss_facts(site)
            applied = _applied_twice(facts) if facts else None
            if facts is not None and applied is not None:
                yield self._diagnosis(history, facts, applied)

    def _diagnosis(self, history: History, facts: LossFacts, applied: str) -> Diagnosis:
        site = facts.site
        look = gates.look(history, site)
        broken = look is not None and (
            gates.predicts_one_class(look) or gates.learns_nothing(history, look)
        )
        severity: Severity = "error" if broken else "warning"
        windows = history.windows(site)
        now = WindowTotal.of(windows[-1:]) if windows else None
        if look is not None:
            now = look.last
        evidence = [_wiring(history, facts)]
        if now is not None:
            evidence.append(_floor(facts, now))
            evidence.append(_outcome(history, site, now, broken))
        return Diagnosis(
            rule=self.name,
            code=self.code,
            severity=severity,
            confidence="certain",
            message=_message(facts, applied, broken),
            evidence=tuple(evidence),
            step=max(facts.step, now.last_step if now else 0),
            since_step=facts.step,
            remedy=Remedy(
                "drop-activation",
                f"leave the {applied} to the loss",
                {"activation": applied, "loss": facts.loss},
            ),
            target="output",
            site=site,
            structural=True,
        )


def _applied_twice(facts: LossFacts) -> str | None:
    """The activation in front of the loss that should not be there."""
    nearest = facts.activations[0] if facts.activations else ""
    if facts.task not in gates.CLASSIFICATION or nearest not in SQUASHING:
        return None
    if facts.loss in APPLIES_SOFTMAX or facts.loss in APPLIES_SIGMOID:
        return nearest
    if facts.loss == "binary_cross_entropy" and facts.activations[:2] == ("sigmoid", "sigmoid"):
        return nearest
    return None


def lowest_loss(facts: LossFacts, prior: Sequence[float]) -> float:
    """Cross entropy (nats) of the best possible answer where logits lie between 0 and 1.

    With softmax the true class has logit 1, all others 0; with sigmoid class 1 has logit 1, class 0
    logit 0.
    """
    if facts.loss in APPLIES_SOFTMAX:
        return math.log(1 + (facts.classes - 1) * math.exp(-1))
    return prior[1] * math.log(1 + math.exp(-1)) + prior[0] * math.log(2)


def _message(facts: LossFacts, applied: str, broken: bool) -> str:
    own = "softmax" if facts.loss in APPLIES_SOFTMAX else "sigmoid"
    what = f"{applied} is applied twice" if applied == own else f"{applied} before a {own} loss"
    return what if broken else f"mismatch: {what}"


def _wiring(history: History, facts: LossFacts) -> Evidence:
    chain = " <- ".join([loss_name(history, facts.loss), *facts.activations[:2], "last layer"])
    return Evidence(chain, {"step": facts.step})


def _floor(facts: LossFacts, now: WindowTotal) -> Evidence:
    measured = now.window.cross_entropy_nats
    floor = lowest_loss(facts, now.prior)
    return Evidence(
        f"cross entropy {number(measured)}; a perfect answer would still have {number(floor)}",
        {"cross_entropy_nats": measured, "lowest_possible_nats": floor},
    )


def _outcome(history: History, site: str, now: WindowTotal, broken: bool) -> Evidence:
    over = now.cross_entropy_over_entropy
    label = now.prior[now.top_class]
    values = {
        "cross_entropy_over_entropy": over,
        "predicted_share": now.top,
        "label_share": label,
    }
    if broken:
        name = history.class_name(site, now.top_class)
        return Evidence(
            f"{name}: {percent(now.top)} of predictions, {percent(label)} of labels", values
        )
    return Evidence(f"loss {number(over)} x a constant answer's", values)
