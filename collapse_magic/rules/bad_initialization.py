"""bad-initialization (CM205)

## What it checks
Whether a layer began with weights that are all alike, or far too large.

## Why it matters
Units that begin with the same weights get the same gradients and stay the same for ever: a layer of
them is worth one unit, or none where all are zero. Weights that are far too large saturate what
follows, or send outputs so far out that the first answers are sure and wrong.

## How it is measured
The weights of each layer before the first step: all zero, all the same, the same for each unit, or
their root mean square four times that of He's initialization or more. It is said when the
predictions are one class, nothing is learned, or they are worse than a constant answer.

## Known limits
A single layer (softmax regression) may begin at zero, and so may the last one, or a branch beside
another way: as long as the model learns nothing is said. Normalisations begin with ones by design.

## Example
    for layer in model:
        if isinstance(layer, nn.Linear):
            nn.init.constant_(layer.weight, 0.1)

## Use instead
    for layer in model:
        if isinstance(layer, nn.Linear):
            nn.init.kaiming_normal_(layer.weight)

## Fix safety
Needs review: what writes over the layers' own first weights is taken away, wherever it is found;
else every layer is reset where the training begins.

## References
He et al., Delving Deep into Rectifiers (2015); Glorot and Bengio (2010).
"""

from __future__ import annotations

import math
from collections.abc import Iterable

from ..findings import Diagnosis, Evidence, Remedy
from ..history import History
from ..records import LayerFacts, ModelFacts
from ..statistics import number, percent
from . import gates
from .base import SYMPTOMS
from .wording import layer

# Four times the deviation that keeps the scale of the activations: after two layers sixteenfold.
FAR_TOO_LARGE = 4.0
# Layers whose weights are factors that begin with one value, or vectors that are looked up.
OTHERS = ("Norm", "PReLU", "Embedding", "Scale")


class BadInitialization:
    code = "CM205"
    name = "bad-initialization"
    says = "zero, constant or far too large initial weights"
    explains: tuple[str, ...] = (
        "vanishing-gradients",
        "dead-relu",
        "learning-rate-too-low",
        "unscaled-inputs",
        "wrong-loss",
        "class-imbalance",
        *SYMPTOMS,
    )

    def missing(self, history: History) -> str | None:
        reason = gates.no_classification(history)
        return reason or (None if history.models() else "no model was seen")

    def check(self, history: History) -> Iterable[Diagnosis]:
        for site in gates.classification_sites(history):
            facts = history.loss_facts(site)
            model = history.model_facts(facts.model) if facts is not None else None
            look = gates.look(history, site)
            if model is None or look is None or not gates.fails(history, look):
                continue
            found = badly_begun(model)
            if found is not None:
                yield self._diagnosis(history, look, model, *found)

    def _diagnosis(
        self,
        history: History,
        look: gates.Look,
        model: ModelFacts,
        part: LayerFacts,
        message: str,
        evidence: Evidence,
    ) -> Diagnosis:
        last = look.last
        over, name = last.cross_entropy_over_entropy, history.class_name(look.site, last.top_class)
        return Diagnosis(
            rule=self.name,
            code=self.code,
            severity="error",
            confidence="likely",
            message=message,
            evidence=(
                evidence,
                Evidence(
                    f"loss {number(over)} x a constant answer's; {percent(last.top)} {name}",
                    {"cross_entropy_over_entropy": over, "predicted_share": last.top},
                ),
            ),
            step=last.last_step,
            since_step=1,
            remedy=Remedy(
                "initialize-anew",
                "let every layer begin as it was made",
                {"model": model.model, "layer": part.name},
            ),
            target="model",
            site=look.site,
        )


def badly_begun(model: ModelFacts) -> tuple[LayerFacts, str, Evidence] | None:
    """The first layer that began badly: (the layer, what is wrong, how it is known)."""
    parts = [
        part
        for part in model.layers
        if part.trainable and part.units > 1 and not any(word in part.kind for word in OTHERS)
    ]
    hidden = [part for part in parts if part.name != model.last_layer]
    for part in hidden:
        named = layer(part.name)
        if part.start in ("zero", "constant"):
            value = number(part.weight_mean)
            text = f"layer {named}: all weights of its {part.units:,} units began as {value}"
            values = {"value": part.weight_mean, "units": float(part.units)}
            return part, "all units of a layer begin alike", Evidence(text, values)
        if part.identical_rows:
            text = f"layer {named}: its {part.units:,} units began with the same weights"
            values = {"units": float(part.units)}
            return part, "all units of a layer begin alike", Evidence(text, values)
    for part in parts:
        inputs = part.parameters / part.units
        usual = math.sqrt(2 / inputs) if inputs > 0 else math.inf
        size = math.hypot(part.weight_std, part.weight_mean)
        if size >= FAR_TOO_LARGE * usual:
            text = (
                f"layer {layer(part.name)}: weights of {number(size)} (root mean square; "
                f"usual: {number(usual)})"
            )
            values = {"root_mean_square": size, "usual": usual}
            return part, "initial weights are far too large", Evidence(text, values)
    return None
