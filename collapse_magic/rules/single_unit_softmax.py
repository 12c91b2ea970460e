"""single-unit-softmax (CM403)

## What it checks
Whether a softmax stands over a single output.

## Why it matters
A softmax shares out 1 among the outputs: a single one always gets all of it. Every probability is 1
and every prediction the same, whatever the weights say; with most losses the gradient is 0. Keras
trains such a model on the output before the softmax, so that the loss falls as if all were well.

## How it is measured
From the operations between the last layer and the loss, and the width of that layer; where the
width is not known, from outputs that never differ in a window. Certain, from the first batch where
the width is known.

## Known limits
A softmax along the samples of a batch instead of along the classes is seen only where there is one
output. A softmax over two outputs of which one is picked is right and not reported.

## Example
    model = nn.Sequential(nn.Linear(2, 1), nn.Softmax(dim=1))
    loss = nn.BCELoss()(model(x), y)

## Use instead
    model = nn.Sequential(nn.Linear(2, 1), nn.Sigmoid())
    loss = nn.BCELoss()(model(x), y)

## Fix safety
Needs review: what the output says changes from always 1 to a probability.

## References
Goodfellow, Bengio and Courville, Deep Learning (2016), 6.2.2: sigmoid units for one probability,
softmax units for several that sum to 1.
"""

from __future__ import annotations

from collections.abc import Iterable

from ..findings import Diagnosis, Evidence, Remedy
from ..history import History, WindowTotal
from ..records import LossFacts
from ..statistics import percent
from . import gates
from .base import SYMPTOMS
from .wording import loss_name

# Losses that apply the sigmoid themselves: there the softmax is only one too many.
APPLIES_SIGMOID = ("binary_cross_entropy_with_logits",)
# Standard deviation of the logit margin over samples: equal outputs have none but for rounding.
NO_SPREAD = 1e-6


class SingleUnitSoftmax:
    code = "CM403"
    name = "single-unit-softmax"
    says = "a softmax over a single output, which then is always 1"
    explains: tuple[str, ...] = (
        "double-activation",
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
            if facts is not None and _softmax_over_one(history, facts):
                yield self._diagnosis(history, facts)

    def _diagnosis(self, history: History, facts: LossFacts) -> Diagnosis:
        chain = f"{loss_name(history, facts.loss)} <- softmax <- one output"
        evidence = [Evidence(chain, {"outputs": 1.0})]
        predicted = _lately(history, facts.site)
        if predicted is not None and facts.task in gates.CLASSIFICATION:
            evidence.append(_predictions(history, facts.site, predicted))
        drop = facts.loss in APPLIES_SIGMOID
        remedy = (
            Remedy(
                "drop-activation",
                "leave the sigmoid to the loss, without a softmax",
                {"activation": "softmax", "loss": facts.loss},
            )
            if drop
            else Remedy(
                "replace-output-activation",
                "a sigmoid for a single output",
                {"old": "Softmax", "new": "Sigmoid"},
            )
        )
        return Diagnosis(
            rule=self.name,
            code=self.code,
            severity="error",
            confidence="certain",
            message="softmax over one output is always 1",
            evidence=tuple(evidence),
            step=max(facts.step, history.steps),
            since_step=facts.step,
            remedy=remedy,
            target="output",
            site=facts.site,
            structural=True,
        )


def _softmax_over_one(history: History, facts: LossFacts) -> bool:
    if facts.activations[:1] != ("softmax",) or not _one_output(facts.input_shape):
        return False
    model = history.model_facts(facts.model)
    if model is not None and model.outputs:
        return model.outputs == 1
    windows = history.windows(facts.site)
    if facts.task != "binary" or not windows:
        return False
    last = WindowTotal.of(windows[-1:])
    return last.samples >= gates.MIN_SAMPLES and last.top == 1 and last.spread <= NO_SPREAD


def _one_output(shape: tuple[int, ...]) -> bool:
    return len(shape) == 1 or (len(shape) == 2 and shape[1] == 1)


def _lately(history: History, site: str) -> WindowTotal | None:
    """Enough of the last windows for shares to be right within some percent, or all there are."""
    windows = history.windows(site)
    if not windows:
        return None
    return history.total(site, "train", gates.MIN_SAMPLES) or WindowTotal.of(windows)


def _predictions(history: History, site: str, now: WindowTotal) -> Evidence:
    name, label = history.class_name(site, now.top_class), now.prior[now.top_class]
    return Evidence(
        f"{name}: {percent(now.top)} of predictions, {percent(label)} of labels",
        {"predicted_share": now.top, "label_share": label},
    )
