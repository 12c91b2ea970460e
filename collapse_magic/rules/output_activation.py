"""output-activation (CM417)

## What it checks
Whether a hidden layer's activation (relu and the like, tanh) stands on the output layer.

## Why it matters
A relu makes all logits zero or more: a sigmoid of that is at least .5, so every prediction is class
1, and a class whose logit is zero for all samples has no gradient left to come back with. A tanh
keeps logits between -1 and 1, so that no answer can be sure.

## How it is measured
From the operations between the model's last layer and the loss. A relu or softplus before a loss
with one output is an error from the first batch, before a loss over classes a warning, and an error
once the predictions are one class or nothing is learned. Other activations are named only then.

## Known limits
An activation in code that the probe cannot follow is not seen.

## Example
    model = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 3), nn.ReLU())
    loss = nn.CrossEntropyLoss()(model(x), y)

## Use instead
    model = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 3))
    loss = nn.CrossEntropyLoss()(model(x), y)

## Fix safety
Needs review: whoever reads the outputs gets numbers of another range.

## References
Karpathy, CS231n notes: neurons of the output layer most commonly have no activation function.
"""

from __future__ import annotations

from collections.abc import Iterable

from ..findings import Diagnosis, Evidence, Remedy, Severity
from ..history import History, WindowTotal
from ..records import LossFacts
from ..statistics import number, percent
from . import gates
from .base import SYMPTOMS
from .raised import TAKES_PROBABILITIES
from .wording import loss_name

# Never below zero: a sigmoid of it is never below one half.
NOT_NEGATIVE = ("relu", "softplus")
# Next to nothing below zero, or bounded: bad with bad outcomes only.
HIDDEN = (*NOT_NEGATIVE, "leaky_relu", "elu", "gelu", "silu", "tanh", "hardtanh")
# What turns outputs into probabilities, or these into logarithms: it may stand between.
READ_OUT = ("softmax", "log_softmax", "sigmoid", "log_sigmoid", "log")
OF_ONE_OUTPUT = ("binary_cross_entropy", "binary_cross_entropy_with_logits")
LOSSES = ("cross_entropy", "nll", *OF_ONE_OUTPUT, *TAKES_PROBABILITIES)
TASKS = (*gates.CLASSIFICATION, "multilabel")


class OutputActivation:
    code = "CM417"
    name = "output-activation"
    says = "relu or the like on the output layer"
    explains: tuple[str, ...] = (
        "missing-activation",
        "non-finite",
        "learning-rate-too-high",
        "wrong-loss",
        "dead-relu",
        "vanishing-gradients",
        "class-imbalance",
        *SYMPTOMS,
    )

    def missing(self, history: History) -> str | None:
        return None if history.sites() else "no loss was seen"

    def check(self, history: History) -> Iterable[Diagnosis]:
        for site in history.sites():
            facts = history.loss_facts(site)
            found = _on_output(facts) if facts is not None else None
            if facts is None or found is None:
                continue
            look = gates.look(history, site)
            fails = gates.fails(history, look)
            one_sided = facts.loss in OF_ONE_OUTPUT
            if found in NOT_NEGATIVE or fails:
                severity: Severity = "error" if fails or one_sided else "warning"
                yield self._diagnosis(history, facts, found, severity)

    def _diagnosis(
        self, history: History, facts: LossFacts, found: str, severity: Severity
    ) -> Diagnosis:
        chain = " <- ".join([loss_name(history, facts.loss), *facts.activations[:2], "last layer"])
        evidence = [Evidence(chain, {"step": float(facts.step)})]
        windows = history.windows(facts.site)
        if windows and facts.task in gates.CLASSIFICATION:
            last = WindowTotal.of(windows[-1:])
            name, label = history.class_name(facts.site, last.top_class), last.prior[last.top_class]
            evidence += [
                Evidence(
                    f"{name}: {percent(last.top)} of predictions, {percent(label)} of labels",
                    {"predicted_share": last.top, "label_share": label},
                ),
                Evidence(
                    f"loss {number(last.cross_entropy_over_entropy)} x a constant answer's",
                    {"cross_entropy_over_entropy": last.cross_entropy_over_entropy},
                ),
            ]
        return Diagnosis(
            rule=self.name,
            code=self.code,
            severity=severity,
            confidence="certain" if found in NOT_NEGATIVE else "likely",
            message=f"{found} on the output layer",
            evidence=tuple(evidence),
            step=max(facts.step, windows[-1].last_step if windows else 0),
            since_step=facts.step,
            remedy=_remedy(facts, found),
            target="output",
            site=facts.site,
            structural=True,
        )


def _on_output(facts: LossFacts) -> str | None:
    """The activation of the last layer, where it is one of hidden layers."""
    if facts.loss not in LOSSES or facts.task not in TASKS:
        return None
    own = [name for name in facts.activations if name not in READ_OUT]
    return own[0] if own and own[0] in HIDDEN else None


def _remedy(facts: LossFacts, found: str) -> Remedy:
    if facts.loss in TAKES_PROBABILITIES and facts.activations[0] == found:
        new = "sigmoid" if facts.loss in OF_ONE_OUTPUT else "softmax"
        return Remedy(
            "replace-output-activation",
            f"{new} instead of {found} on the output layer",
            {"old": found, "new": new, "loss": facts.loss},
        )
    return Remedy(
        "drop-activation",
        f"leave the {found} off the output layer",
        {"activation": found, "loss": facts.loss},
    )
