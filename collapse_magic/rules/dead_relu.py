"""dead-relu (CM203)

## What it checks
Whether (nearly) all units of a relu layer are zero for every sample.

## Why it matters
A unit that is zero for all inputs passes no gradient, so nothing brings it back. Where a whole
layer is dead the layers behind it see the same numbers for every sample: what is left to learn is
one constant answer.

## How it is measured
The share of an activation layer's units that were zero for each of 512 values or more, in the last
two looks: from 95% on. Where so many have not been seen yet, a layer whose whole output was zero in
three looks is dead as well. Nothing is said where all inputs are alike: no unit could tell them
apart. It is said if the predictions are one class, nothing is learned, or they are worse than a
constant answer.

## Known limits
That 40 to 60% of the values behind a relu are zero is normal, and not what is counted here. Only
activations that stand in the graph are looked at.

## Example
    nn.init.constant_(model[0].bias, -50.0)      # relu follows: no sample gets past zero

## Use instead
    nn.init.zeros_(model[0].bias)

## Fix safety
Needs review: LeakyReLU lets units come back; what has killed them (a learning rate too high, a
bias) may still be there.

## References
Lu et al., Dying ReLU and Initialization (2019); CS231n notes on commonly used activations.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from ..findings import Diagnosis, Evidence, Remedy
from ..history import History
from ..statistics import number, percent
from . import gates
from .base import SYMPTOMS
from .models import model_behind
from .scales import inputs_are_alike
from .wording import layer

# A layer with one unit in twenty alive hardly passes anything on.
DEAD_SHARE = 0.95
# Single looks may fall on batches that are alike.
LOOKS = 2
# Every unit zero for every sample, three times: no batch of a living layer looks like that.
ALL_ZERO_LOOKS = 3
ALL_ZERO_VALUES = 64


@dataclass(frozen=True, slots=True)
class _Dead:
    layer: str
    share: float
    values: int
    since: int


class DeadRelu:
    code = "CM203"
    name = "dead-relu"
    says = "units that are zero for every sample"
    explains: tuple[str, ...] = (
        "vanishing-gradients",
        "class-imbalance",
        *SYMPTOMS,
    )

    def missing(self, history: History) -> str | None:
        reason = gates.no_classification(history)
        if reason is None and not any(
            history.activation_statistics(facts.model) for facts in history.models()
        ):
            return "no activations were looked at"
        return reason

    def check(self, history: History) -> Iterable[Diagnosis]:
        for site in gates.classification_sites(history):
            facts = history.loss_facts(site)
            look = gates.look(history, site)
            model = model_behind(history, facts)
            if model is None or look is None or not gates.fails(history, look):
                continue
            if inputs_are_alike(history, model.model):
                continue
            dead = _dead_layer(history, model.model)
            if dead is not None:
                yield self._diagnosis(history, look, dead)

    def _diagnosis(self, history: History, look: gates.Look, dead: _Dead) -> Diagnosis:
        last = look.last
        over, name = last.cross_entropy_over_entropy, history.class_name(look.site, last.top_class)
        return Diagnosis(
            rule=self.name,
            code=self.code,
            severity="error",
            confidence="likely",
            message=f"{percent(dead.share, 0)} of the units of a layer are dead",
            evidence=(
                Evidence(
                    f"behind layer {layer(dead.layer)} {percent(dead.share, 0)} of the units were "
                    f"0 for {dead.values:,} values",
                    {"dead": dead.share, "values": float(dead.values)},
                ),
                Evidence(
                    f"loss {number(over)} x a constant answer's; {percent(last.top)} {name}",
                    {"cross_entropy_over_entropy": over, "predicted_share": last.top},
                ),
            ),
            step=last.last_step,
            since_step=dead.since,
            remedy=Remedy(
                "replace-hidden-activation",
                "LeakyReLU instead of ReLU in the hidden layers",
                {"old": "ReLU", "new": "LeakyReLU"},
            ),
            target="model",
            site=look.site,
        )


def _dead_layer(history: History, model: str | None) -> _Dead | None:
    """The first layer whose units are dead in the last looks."""
    looks = history.activation_statistics(model)
    for place, name in enumerate(looks[-1].layers if looks else ()):
        alike = [look for look in looks if place < len(look.layers) and look.layers[place] == name]
        values = looks[-1].seen[place]
        last = alike[-LOOKS:]
        if len(last) == LOOKS and all(look.dead[place] >= DEAD_SHARE for look in last):
            return _Dead(name, last[-1].dead[place], values, last[0].step)
        last = alike[-ALL_ZERO_LOOKS:]
        if (
            len(last) == ALL_ZERO_LOOKS
            and values >= ALL_ZERO_VALUES
            and looks[-1].kinds[place].startswith("relu")
            and all(look.rms[place] == 0 for look in last)
        ):
            return _Dead(name, 1.0, values, last[0].step)
    return None
