"""misweighted-loss (CM407)

## What it checks
Whether the weights of a loss stand the wrong way round, or are so strong that one class is the only
answer left.

## Why it matters
Weights are the cure for imbalance that is reached for first, and a ratio upside down (positives
over negatives instead of the inverse, two keys swapped) makes the rare class rarer still. Where a
sampler balances the batches already, weights on top make it the frequent one.

## How it is measured
Only where the loss is given weights. What a sample of each class weighs is estimated from the first
window, before anything is learned: the class' share of the gradient at the logits over its share of
the labels and over how far its probability is from 1. Then either a rare class (four times rarer,
or beside one of 80%) weighs half of a frequent one or less, and its recall lags behind in two
windows running; or nearly all predictions are one class, which has less than 80% of the labels and
more with the weights.

## Known limits
Weights that a loss of one's own multiplies in are seen where the records tell that it is weighted.
That weights have no effect at all is not told. Costs that differ on purpose look the same.

## Example
    criterion = nn.BCEWithLogitsLoss(pos_weight=positives / negatives)   # 100 / 900

## Use instead
    criterion = nn.BCEWithLogitsLoss(pos_weight=negatives / positives)

## Fix safety
Needs review: weights change what is trained for, towards equal recalls, and so the probabilities.

## References
PyTorch, BCEWithLogitsLoss, on `pos_weight`; King and Zeng, Logistic Regression in Rare Events Data
(2001).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ..findings import Diagnosis, Evidence
from ..history import History, WindowTotal
from ..statistics import number, percent
from . import gates
from .base import SYMPTOMS
from .class_imbalance import (
    LAGGING_RECALL,
    labels_and_rare,
    lags,
    samples_needed,
    weights_remedy,
)

# In programs without weights the estimate is right within a quarter, in weighted ones, too.
WEIGHS_LESS = 0.5
# Beside a class of 80% the others may be lost; the labels alone do not explain it below.
DOMINANT = 0.8
# The estimate takes some samples of each class, and a model that knows nothing of the labels.
MIN_SAMPLES = 256
MIN_CASES = 10


class MisweightedLoss:
    code = "CM407"
    name = "misweighted-loss"
    says = "weights of the loss the wrong way round, or far too strong"
    explains: tuple[str, ...] = (
        "learning-rate-too-high",
        "dead-relu",
        "vanishing-gradients",
        "wrong-loss",
        "class-imbalance",
        *SYMPTOMS,
    )

    def missing(self, history: History) -> str | None:
        return gates.no_classification(history)

    def check(self, history: History) -> Iterable[Diagnosis]:
        for site in gates.classification_sites(history):
            facts = history.loss_facts(site)
            weights = _weights(history, site) if facts is not None and facts.weighted else None
            if weights is None:
                continue
            yield from self._reversed(history, site, weights) or self._dominant(
                history, site, weights
            )

    def is_over(self, history: History, diagnosis: Diagnosis) -> bool:
        """Only a recall that is seen to be good ends it: few cases make the rule silent, too."""
        look = gates.look(history, diagnosis.site or "")
        return look is not None and min(look.both.recall) >= LAGGING_RECALL

    def _reversed(self, history: History, site: str, weights: Sequence[float]) -> list[Diagnosis]:
        """The rare class weighs less than the frequent one, and is missed."""
        counts, rare = labels_and_rare(history, site)
        needed = samples_needed(history, counts, rare) if rare else 0
        look = gates.look(history, site, needed) if rare else None
        if look is None:
            return []
        frequent = max(range(len(counts)), key=counts.__getitem__)
        light = [k for k in rare if weights[k] <= WEIGHS_LESS * weights[frequent]]
        light = [k for k in light if lags(look, look.both, k)]
        if not light:
            return []
        worst = min(light, key=lambda k: weights[k])
        names = history.class_name(site, worst), history.class_name(site, frequent)
        ratio, labels = weights[worst] / weights[frequent], counts[frequent] / counts[worst]
        evidence = Evidence(
            f"{names[0]} weighs {number(ratio)} x {names[1]}; labels 1 to {number(labels)}",
            {"weight_ratio": ratio, "label_ratio": labels},
        )
        message = f"the loss weighs the rare {names[0]} less"
        return [self._diagnosis(history, look, message, evidence, counts, worst)]

    def _dominant(self, history: History, site: str, weights: Sequence[float]) -> list[Diagnosis]:
        """One class is the only answer, and is that by its weight."""
        look = gates.look(history, site)
        if look is None or not gates.predicts_one_class(look) or gates.gets_better(history, look):
            return []
        top, counts = look.last.top_class, history.label_counts(site)
        weighed = [weight * count for weight, count in zip(weights, counts, strict=True)]
        share, labels = weighed[top] / sum(weighed), counts[top] / sum(counts)
        if labels >= DOMINANT or share < DOMINANT:
            return []
        name = history.class_name(site, top)
        evidence = Evidence(
            f"{name}: {percent(labels)} of labels, {percent(share)} by the weights of the loss",
            {"label_share": labels, "weighted_share": share},
        )
        message = f"weights leave only {name} as an answer"
        return [self._diagnosis(history, look, message, evidence, counts, top)]

    def _diagnosis(
        self,
        history: History,
        look: gates.Look,
        message: str,
        evidence: Evidence,
        counts: Sequence[int],
        index: int,
    ) -> Diagnosis:
        last, name = look.last, history.class_name(look.site, look.last.top_class)
        recall = last.recall[index]
        return Diagnosis(
            rule=self.name,
            code=self.code,
            severity="error",
            confidence="likely",
            message=message,
            evidence=(
                evidence,
                Evidence(
                    f"{percent(last.top)} of predictions are {name}; recall {percent(recall)} for "
                    f"{history.class_name(look.site, index)}",
                    {"predicted_share": last.top, "recall": recall},
                ),
            ),
            step=last.last_step,
            since_step=1,
            remedy=weights_remedy(history, look.site, counts, index),
            target="loss",
            site=look.site,
        )


def _weights(history: History, site: str) -> list[float] | None:
    """What a sample of each class weighs in the loss, up to a factor; None where it is not known.

    At first the probabilities do not depend on the labels: a sample of class k pulls at its own
    logit by 1 - p_k, times its weight.
    """
    windows = history.windows(site)
    first = WindowTotal.of(windows[:1] if windows[0].samples >= MIN_SAMPLES else windows[:2])
    if first.samples < MIN_SAMPLES or min(first.window.labels) < MIN_CASES:
        return None
    if not first.cross_entropy_over_entropy >= gates.HAS_LEARNED:
        return None
    errors = [1 - probability for probability in first.window.mean_probability]
    if min(errors) <= 0:
        return None
    return [
        pull / (share * error)
        for pull, share, error in zip(first.pull, first.prior, errors, strict=True)
    ]
