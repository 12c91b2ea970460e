"""one-class-labels (CM305)

## What it checks
Whether all labels that a model is trained on are of one class.

## Why it matters
The answer that fits such labels best is always that class, and the model finds it. A wrong folder,
a filter that drops the rest, or a label that was compared with the wrong type end like this.

## How it is measured
The labels of all batches that were counted, over an epoch or more, or over the whole cell where
epochs are not seen: 128 samples and 8 batches of a single class.

## Known limits
One model judged by several losses, of which each has its own class (a GAN's critic), is left alone,
and so is one whose last layer is frozen, or does not make the scores that the loss is given
(contrastive losses). Pairs of which the first is always to be ranked higher look the same.

## Example
    y = torch.tensor([name == 1 for name in names])    # the names are strings: all are False

## Use instead
    y = torch.tensor([name == "1" for name in names])

## Fix safety
Needs review: a word that the data spell otherwise, or data that are cut while they are in order.
Where the code shows neither, an example.

## References
scikit-learn: "This solver needs samples of at least 2 classes in the data".
"""

from __future__ import annotations

from collections.abc import Iterable

from ..findings import Diagnosis, Evidence, Remedy
from ..history import History
from ..records import LossFacts
from . import gates
from .base import SYMPTOMS

MIN_SAMPLES = 128
MIN_BATCHES = 8


class OneClassLabels:
    code = "CM305"
    name = "one-class-labels"
    says = "the data hold a single class"
    explains: tuple[str, ...] = (
        "dead-relu",
        "vanishing-gradients",
        "learning-rate-too-high",
        "wrong-loss",
        "class-imbalance",
        *SYMPTOMS,
    )

    def missing(self, history: History) -> str | None:
        return gates.no_classification(history)

    def check(self, history: History) -> Iterable[Diagnosis]:
        sites = gates.classification_sites(history)
        only = {_only_class(history, site) for site in sites}
        if len(only) != 1:
            return
        for site in sites:
            facts, label = history.loss_facts(site), _only_class(history, site)
            if facts is not None and label is not None and _is_meant_so(history, facts) is False:
                yield self._diagnosis(history, facts, label)

    def _diagnosis(self, history: History, facts: LossFacts, label: int) -> Diagnosis:
        counts = history.label_counts(facts.site)
        name = history.class_name(facts.site, label)
        evidence = [
            Evidence(
                f"{sum(counts):,} of {sum(counts):,} labels are {name}",
                {"labels": float(sum(counts)), "classes": 1.0},
            )
        ]
        others = sum(count > 0 for count in history.label_counts(facts.site, "eval"))
        if others > 1:
            evidence.append(
                Evidence(f"the labels in validation are of {others} classes", {"there": others})
            )
        return Diagnosis(
            rule=self.name,
            code=self.code,
            severity="error",
            confidence="likely",
            message=f"all labels are {name}",
            evidence=tuple(evidence),
            step=max(history.steps, facts.step),
            since_step=facts.step,
            remedy=Remedy("count-labels", "see where the other classes were lost"),
            target="data",
            site=facts.site,
            structural=True,
        )


def _only_class(history: History, site: str) -> int | None:
    """The class of all labels over an epoch or more; None where there are others, or few labels."""
    facts = history.loss_facts(site)
    rows = facts is not None and facts.target_kind in ("one-hot", "probabilities")
    if facts is None or not (rows or facts.target_min == facts.target_max):
        return None  # labels 1 and 2 of a binary loss are of one side of a half, and not alike
    counts = history.label_counts(site)
    held = [index for index, count in enumerate(counts) if count]
    batches = sum(window.batches for window in history.windows(site))
    fitted = history.fitted(site) is not None
    enough = sum(counts) >= MIN_SAMPLES and (fitted or batches >= MIN_BATCHES)
    whole = fitted or (history.finished if history.epochs is None else history.epochs >= 1)
    return held[0] if len(held) == 1 and enough and whole else None


def _is_meant_so(history: History, facts: LossFacts) -> bool:
    """Whether the labels are no classes of the data, but a goal that another model is judged by."""
    model = history.model_facts(facts.model)
    if history.fitted(facts.site) is not None:
        return False
    if model is None or not model.outputs or not all(part.trainable for part in model.layers):
        return True
    columns = facts.input_shape[1] if len(facts.input_shape) > 1 else 1
    return model.outputs != columns or len(history.models()) > 1
