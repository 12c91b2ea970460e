"""wrong-loss (CM406)

## What it checks
Whether a distance (mean squared or absolute error and their kin) between probabilities and class
labels has driven the outputs into saturation.

## Why it matters
The gradient of a distance fades as a sigmoid or softmax saturates, also where the answer is wrong:
what has once gone to the wrong end stays there. An absolute error is even smallest where the most
frequent class gets all the probability. The loss falls all the while.

## How it is measured
The loss is a distance, the outputs come from a sigmoid or softmax and the labels name classes; the
probabilities are worse than always answering with the label shares in two windows running (by 5%,
in cross entropy), the mean probability of the most predicted class lies 10 points or more above its
share of the labels, and nearly all predictions are that class or the scores rank below .6.

## Known limits
Used on purpose a squared error (the Brier score) learns well, and nothing is said. A regression on
class numbers (0, 1, 2 ...) is taken for a regression.

## Example
    loss = nn.L1Loss()(torch.sigmoid(model(x)), y)      # smallest at 0 where 1 is rarer than 0

## Use instead
    loss = nn.BCEWithLogitsLoss()(model(x), y)

## Fix safety
Needs review: a cross entropy has other values and other gradients than the distance before.

## References
Golik, Doetsch and Ney, Cross-Entropy vs. Squared Error Training (2013); Ghosh, Kumar and Sastry,
Robust Loss Functions under Label Noise (2017), on training with the absolute error.
"""

from __future__ import annotations

from collections.abc import Iterable

from ..findings import Diagnosis, Evidence, Remedy
from ..history import History, WindowTotal
from ..records import LossFacts
from ..statistics import number, percent
from . import gates
from .base import SYMPTOMS
from .wording import loss_name

DISTANCES = ("mse", "l1", "smooth_l1", "huber")
PROBABILITIES = ("sigmoid", "softmax")
# A proper loss brings the mean probability to the share of the labels within a few steps, and the
# Brier score does, too; a saturated model stands at one end.
SATURATED = 0.1
# Scores that rank like this follow the inputs, and only the probabilities are off.
FOLLOWS = 0.6


class WrongLoss:
    code = "CM406"
    name = "wrong-loss"
    says = "a distance such as mse for classes, saturated"
    explains: tuple[str, ...] = ("class-imbalance", *SYMPTOMS)

    def missing(self, history: History) -> str | None:
        return gates.no_classification(history)

    def check(self, history: History) -> Iterable[Diagnosis]:
        for site in gates.classification_sites(history):
            facts = history.loss_facts(site)
            if facts is None or facts.loss not in DISTANCES or not _of_probabilities(facts):
                continue
            look = gates.look(history, site)
            if look is not None and gates.worse_than_prior(look) and _is_saturated(look):
                yield self._diagnosis(history, facts, look)

    def is_over(self, history: History, diagnosis: Diagnosis) -> bool:
        """A loss clearly below that of a constant answer ends it."""
        return gates.has_learned(history, diagnosis.site or "")

    def _diagnosis(self, history: History, facts: LossFacts, look: gates.Look) -> Diagnosis:
        last, top = look.last, look.last.top_class
        name = history.class_name(look.site, top)
        mean, share = last.window.mean_probability[top], last.prior[top]
        over = last.cross_entropy_over_entropy
        loss = loss_name(history, facts.loss)
        return Diagnosis(
            rule=self.name,
            code=self.code,
            severity="error",
            confidence="likely",
            message=f"{loss} saturates at {name}",
            evidence=(
                Evidence(
                    f"{name}: probability {percent(mean)}, {percent(last.top)} of predictions, "
                    f"{percent(share)} of labels",
                    {"mean_probability": mean, "label_share": share, "predicted_share": last.top},
                ),
                Evidence(
                    f"cross entropy {number(over)} x a constant answer's; rank {number(last.rank)} "
                    "(chance 0.5)",
                    {"cross_entropy_over_entropy": over, "rank": last.rank},
                ),
            ),
            step=last.last_step,
            since_step=look.before.first_step,
            remedy=_remedy(facts),
            target="loss",
            site=look.site,
        )


def _of_probabilities(facts: LossFacts) -> bool:
    return facts.activations[:1] != () and facts.activations[0] in PROBABILITIES


def _is_saturated(look: gates.Look) -> bool:
    def at_one_end(total: WindowTotal) -> bool:
        top = total.top_class
        above = total.window.mean_probability[top] - total.prior[top] >= SATURATED
        return above and (total.top >= gates.ONE_CLASS_SHARE or total.rank < FOLLOWS)

    return at_one_end(look.before) and at_one_end(look.last)


def _remedy(facts: LossFacts) -> Remedy:
    binary = facts.activations[0] == "sigmoid"
    new = "BinaryCrossentropy" if binary else "CategoricalCrossentropy"
    return Remedy("change-loss", "cross entropy, which is made for classes", {"new": new})
