"""vanishing-gradients (CM201)

## What it checks
Whether the first layers receive (next to) no gradient while the last ones do.

## Why it matters
Layers without a gradient stay at their initial weights: what comes out of them hardly depends on
the input, so the last layer can only learn the label shares, and the answer is one class.

## How it is measured
Gradient norm per layer: the first layer's below 0.0001 and below a thousandth of the last one's in
most of the latest looks, while nothing is learned (after an epoch and 200 steps within 3% of a
constant answer).

## Known limits
Layers without any gradient (frozen) are left out. Of tensors that no module owns, those are looked
at that an optimizer holds. A gradient of exactly zero counts only behind saturating activations;
behind ReLU it is a dead unit.

## Example
    layers = [nn.Linear(8, 8), nn.Sigmoid()] * 10    # each sigmoid passes a quarter at most

## Use instead
    layers = [nn.Linear(8, 8), nn.ReLU()] * 10

## Fix safety
Needs review: another activation is another model; it has to be trained anew.

## References
Glorot and Bengio, Understanding the difficulty of training deep feedforward neural networks (2010).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

from ..findings import Diagnosis, Evidence, Remedy
from ..history import History
from ..records import LayerStatistics, LossFacts, ModelFacts
from ..statistics import number
from . import gates
from .base import SYMPTOMS
from .models import model_behind
from .wording import layer

FIRST_OVER_LAST = 1e-3
FIRST_NORM = 1e-4
# Of the last five looks most have to show it: single steps may have a gradient near zero.
LOOKS = 5
MIN_LOOKS = 3
SATURATING = ("Sigmoid", "Tanh")


class VanishingGradients:
    code = "CM201"
    name = "vanishing-gradients"
    says = "the first layers receive (next to) no gradient"
    explains: tuple[str, ...] = ("class-imbalance", *SYMPTOMS)

    def missing(self, history: History) -> str | None:
        reason = gates.no_classification(history)
        if reason is None and not any(
            history.layer_statistics(facts.model) for facts in history.models()
        ):
            return "no layer statistics were taken"
        return reason

    def check(self, history: History) -> Iterable[Diagnosis]:
        for site in gates.classification_sites(history):
            facts = history.loss_facts(site)
            model = model_behind(history, facts)
            look = gates.look(history, site)
            if model is None or look is None or not gates.learns_nothing(history, look):
                continue
            looks = history.layer_statistics(model.model)[-LOOKS:]
            ends = [end for one in looks if (end := _ends(model, one)) is not None]
            saturating = _saturating(_hidden(model, facts))
            vanished = [end for end in ends if _vanishes(end, saturating)]
            if len(ends) >= MIN_LOOKS and 2 * len(vanished) > len(ends):
                yield self._diagnosis(look, model, vanished[-1], looks[-1], saturating)

    def _diagnosis(
        self,
        look: gates.Look,
        model: ModelFacts,
        end: tuple[int, int, float, float],
        statistics: LayerStatistics,
        saturating: str | None,
    ) -> Diagnosis:
        first, last, first_norm, last_norm = end
        names = layer(model.layers[first].name, 11), layer(model.layers[last].name, 11)
        over = look.last.cross_entropy_over_entropy
        return Diagnosis(
            rule=self.name,
            code=self.code,
            severity="error",
            confidence="likely",
            message=f"the first layer's gradient is {number(first_norm)}",
            evidence=(
                Evidence(
                    f"gradient {number(first_norm)} at layer {names[0]}, "
                    f"{number(last_norm)} at layer {names[1]}",
                    {"first": first_norm, "last": last_norm},
                ),
                Evidence(
                    f"loss {number(over)} x a constant answer's after "
                    f"{look.last.last_step:,} steps",
                    {"cross_entropy_over_entropy": over},
                ),
            ),
            step=max(look.last.last_step, statistics.step),
            since_step=look.before.first_step,
            remedy=_remedy(saturating),
            target="model",
            site=look.site,
        )


def _ends(model: ModelFacts, look: LayerStatistics) -> tuple[int, int, float, float] | None:
    """(first layer, last layer, their gradient norms) of the layers that have a gradient."""
    trained = [
        (index, norm)
        for index, norm in enumerate(look.gradient_norm)
        if math.isfinite(norm) and "Norm" not in model.layers[index].kind
    ]
    if len(trained) < 2:
        return None
    (first, first_norm), (last, last_norm) = trained[0], trained[-1]
    return first, last, first_norm, last_norm


def _vanishes(ends: tuple[int, int, float, float], saturating: str | None) -> bool:
    _, _, first, last = ends
    if first == 0 and saturating is None:
        return False
    return last > 0 and first < FIRST_NORM and first < FIRST_OVER_LAST * last


def _hidden(model: ModelFacts, loss: LossFacts | None) -> Sequence[str]:
    """The activations but for that of the output: a sigmoid there lets every gradient pass."""
    names = model.activations
    if loss is None or not loss.activations or not names:
        return names
    return names[:-1] if names[-1].lower() == loss.activations[0] else names


def _saturating(activations: Sequence[str]) -> str | None:
    return next((name for name in SATURATING if name in activations), None)


def _remedy(saturating: str | None) -> Remedy | None:
    if saturating is None:
        return None
    return Remedy(
        "replace-hidden-activation",
        f"ReLU instead of {saturating} in the hidden layers",
        {"old": saturating, "new": "ReLU"},
    )
