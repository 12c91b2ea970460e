"""learning-rate-too-high (CM408)

## What it checks
Whether the optimizer's steps are far too large for the weights.

## Why it matters
Each step then throws the weights past where they should go. Outputs saturate, units die, and the
model ends at one class, often after it had begun to learn.

## How it is measured
Norm of the weights' change over norm of the weights, per step and layer: healthy are 0.0001 to
0.01. It fires where that is above 0.1 in half of the layers, on average over 20 steps, and the
predictions are one class, all samples of a batch get the same answer, nothing is learned, or the
answers are worse than always giving the label shares (two windows running). Layers that start at
zero do not count. Where raw inputs make plain gradient descent take such steps, which it would not
with inputs of one scale, the learning rate is not to blame: see unscaled-inputs.

## Known limits
Small models on small data may train well with large updates: without a bad outcome nothing is said.

## Example
    optimizer = torch.optim.Adam(model.parameters(), lr=1.0)

## Use instead
    optimizer = torch.optim.Adam(model.parameters(), lr=0.001)

## Fix safety
Needs review: the power of ten that makes the first updates healthy, at least a tenth, is a first
try, not the best value.

## References
Karpathy, CS231n notes on the ratio of weight updates ("about 1e-3"); Smith, Cyclical Learning Rates
(2017).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from ..findings import Diagnosis, Evidence, Remedy
from ..history import History
from ..records import LayerStatistics, ModelFacts
from ..statistics import number, percent
from . import gates
from .base import SYMPTOMS
from .learning_rates import learning_rate, slower
from .scales import magnification

# Ten times the upper end of what is healthy, in half of the layers.
LARGE_UPDATE = 0.1
HEALTHY_UPDATE = "0.01% to 1%"
LAYER_SHARE = 0.5
# The first steps of an adaptive optimizer are large by nature: they settle within 20.
MIN_SPAN = 20
MIN_LOOKS = 3
# Plain gradient descent is used with rates up to 1, mostly .1 or .01; with a higher one it is the
# rate that stands out, whatever the inputs are.
USUAL_RATE = 1.0


@dataclass(frozen=True, slots=True)
class _Stretch:
    """Looks in a row at which the updates were too large."""

    looks: Sequence[LayerStatistics]
    layers: int
    counted: int
    update: float  # median over looks of the median over layers

    @property
    def first_step(self) -> int:
        return self.looks[0].step

    @property
    def last_step(self) -> int:
        return self.looks[-1].step


class LearningRateTooHigh:
    code = "CM408"
    name = "learning-rate-too-high"
    says = "updates far too large for the weights"
    explains: tuple[str, ...] = (
        "dead-relu",
        "vanishing-gradients",
        "wrong-loss",
        "class-imbalance",
        *SYMPTOMS,
    )

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
            model = history.model_facts(facts.model) if facts else None
            look = gates.look(history, site)
            if model is None or look is None:
                continue
            if gates.fails(history, look):
                stretch = _too_large(model, history.layer_statistics(model.model))
                if stretch is not None and not _by_scale(history, model, stretch):
                    yield self._diagnosis(history, look, model, stretch)

    def _diagnosis(
        self, history: History, look: gates.Look, model: ModelFacts, stretch: _Stretch
    ) -> Diagnosis:
        rate = learning_rate(history, model.model)
        last = look.last
        over = last.cross_entropy_over_entropy
        name = history.class_name(look.site, last.top_class)
        evidence = [
            Evidence(
                f"more than {LARGE_UPDATE:.0%} in {stretch.layers} of {stretch.counted} layers "
                f"(healthy: {HEALTHY_UPDATE})",
                {"update_ratio": stretch.update, "healthy_at_most": 0.01},
            ),
            Evidence(
                f"loss {number(over)} x a constant answer's; {percent(last.top)} {name}",
                {"cross_entropy_over_entropy": over, "predicted_share": last.top},
            ),
        ]
        remedy: Remedy | None = slower(history, model.model)
        if rate is not None:
            evidence.append(
                Evidence(
                    f"learning rate {number(rate)}; steps {stretch.first_step:,} to "
                    f"{stretch.last_step:,}",
                    {"learning_rate": rate},
                )
            )
        return Diagnosis(
            rule=self.name,
            code=self.code,
            severity="error",
            confidence="likely",
            message=f"a step changes the weights by {percent(stretch.update, 0)}",
            evidence=tuple(evidence),
            step=last.last_step,
            since_step=stretch.first_step,
            remedy=remedy,
            target="optimizer",
            site=look.site,
        )


def _by_scale(history: History, model: ModelFacts, stretch: _Stretch) -> bool:
    """Whether inputs of one scale would make these updates small enough, at a usual rate."""
    times = magnification(history, model.model)
    usual = (learning_rate(history, model.model) or 0.0) <= USUAL_RATE
    return usual and times > 1 and stretch.update <= LARGE_UPDATE * times


def _too_large(model: ModelFacts, looks: Sequence[LayerStatistics]) -> _Stretch | None:
    """The latest 20 steps or more in which half of the layers were updated by over a tenth."""
    counted = [index for index, layer in enumerate(model.layers) if layer.weight_std != 0]
    if not counted:
        return None
    found = _at_the_start(looks, counted)
    stretch: list[LayerStatistics] = []
    for one in looks:
        stretch = [*stretch, one] if _many(_ratios(one, counted), LARGE_UPDATE) else []
        if len(stretch) >= MIN_LOOKS and stretch[-1].step - stretch[0].step >= MIN_SPAN:
            found = stretch
    if not found:
        return None
    layers = [sum(ratio > LARGE_UPDATE for ratio in _ratios(one, counted)) for one in found]
    middle = [_median(_ratios(one, counted)) for one in found]
    return _Stretch(found, int(_median(layers)), len(counted), _median(middle))


def _at_the_start(
    looks: Sequence[LayerStatistics], counted: Sequence[int]
) -> list[LayerStatistics]:
    """The looks of the first 20 steps, where these alone moved the layers by 20 times a tenth.

    An adaptive optimizer moves each weight by the learning rate: far too large a one makes the
    weights so large at once that later updates look small beside them.
    """
    early = [one for one in looks if one.step <= MIN_SPAN]
    if not early:
        return []
    moved = [sum(ratios) for ratios in zip(*(_ratios(one, counted) for one in early), strict=True)]
    return early if _many(moved, LARGE_UPDATE * MIN_SPAN) else []


def _ratios(look: LayerStatistics, counted: Sequence[int]) -> list[float]:
    return [look.update_ratio[index] for index in counted if index < len(look.update_ratio)]


def _many(values: Sequence[float], bound: float) -> bool:
    return bool(values) and sum(value > bound for value in values) >= LAYER_SHARE * len(values)


def _median(values: Sequence[float]) -> float:
    finite = sorted(value for value in values if math.isfinite(value))
    return finite[len(finite) // 2] if finite else math.nan
