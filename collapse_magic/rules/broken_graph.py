"""broken-graph (CM411)

## What it checks
Whether the way from the loss back to the weights is cut: by `detach`, `no_grad`, `item`, a detour
through NumPy, or a new tensor made of old values.

## Why it matters
What lies before the cut gets no gradient and stays as it was made. Where all lies before it nothing
learns; where only the first layers do, the last one has to do with random features.

## How it is measured
Three ways. The call that sends the loss backward raises because no weight is behind the loss: that
error is explained. An optimizer steps, and in no look at the layers any weight has a gradient or
moves. Or layers that an optimizer holds never get a gradient, while a layer behind them takes in
exactly what they give out: said at once where they began as new layers, else when nothing is
learned.

## Known limits
Layers that no optimizer holds are cut off on purpose, as pretrained features are. Layers that are
not used at all have no gradient either: they count only where the next one fits.

## Example
    features = encoder(x).detach()
    loss = nn.CrossEntropyLoss()(head(features), y)

## Use instead
    features = encoder(x)
    loss = nn.CrossEntropyLoss()(head(features), y)

## Fix safety
Needs review: a cut may be wanted elsewhere in the same function.

## References
PyTorch, Autograd mechanics ("locally disabling gradient computation"); TensorFlow, Introduction to
gradients and automatic differentiation ("getting a gradient of None").
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

from ..findings import Diagnosis, Evidence, Remedy
from ..history import History
from ..records import LayerFacts, LayerStatistics, LossRaised, ModelFacts, Wiring
from . import gates
from .first_weights import is_fresh
from .raised import raised_at_backward
from .stepping import SYMPTOMS, site_of
from .wording import layer

# Looks at the layers after which what never had a gradient is known to get none.
MIN_LOOKS = 3


class BrokenGraph:
    code = "CM411"
    name = "broken-graph"
    says = "detach, no_grad, item or numpy between model and loss"
    explains: tuple[str, ...] = SYMPTOMS

    def missing(self, history: History) -> str | None:
        if raised_at_backward(history) is not None or history.wirings():
            return None
        looked_at = any(history.layer_statistics(model.model) for model in history.models())
        return None if looked_at else "no graph of a loss and no steps were seen"

    def check(self, history: History) -> Iterable[Diagnosis]:
        raised = raised_at_backward(history)
        if raised is not None:
            yield from _raised(self, history, raised)
        elif not history.wirings():
            yield from _nothing_reached(self, history)
        for wiring in history.wirings() if raised is None else ():
            model = history.model_facts(wiring.model)
            if model is not None and wiring.unreached.tensors:
                yield from _cut_in_two(self, history, wiring, model)


def _raised(rule: BrokenGraph, history: History, raised: LossRaised) -> Iterable[Diagnosis]:
    wirings = history.wirings()
    if any(w.frozen.tensors and not w.trainable.tensors for w in wirings):
        return  # all is frozen: that is another story
    evidence = [Evidence(f"the backward call raised {raised.error}: no weight is behind the loss")]
    evidence += [
        Evidence(
            f"{wiring.trainable.tensors} parameters of {layer(wiring.model or '', 12)} ask for a "
            "gradient; the loss knows of 0",
            {"trainable": float(wiring.trainable.tensors), "reached": 0.0},
        )
        for wiring in wirings[:1]
    ]
    yield _diagnosis(rule, "no way from the loss to the weights", evidence, raised.step, None)


def _nothing_reached(rule: BrokenGraph, history: History) -> Iterable[Diagnosis]:
    """An optimizer steps, and no weight of any model has ever had a gradient or has moved."""
    looks = [look for model in history.models() for look in history.layer_statistics(model.model)]
    steps = {look.step for look in looks}
    if not history.optimizers() or len(steps) < MIN_LOOKS:
        return
    gradients = [norm for look in looks for norm in look.gradient_norm]
    moved = [ratio for look in looks for ratio in look.update_ratio if not math.isnan(ratio)]
    if not moved or any(moved) or not all(map(math.isnan, gradients)):
        return
    layers = sum(len(model.layers) for model in history.models())
    evidence = [
        Evidence(
            f"0 of {layers} layers had a gradient in {len(steps)} looks, steps "
            f"{min(steps):,} to {max(steps):,}",
            {"layers": float(layers), "with_gradient": 0.0},
        ),
        Evidence("the optimizer steps, and no weight moves"),
    ]
    models = tuple(model.model for model in history.models())
    site = site_of(history, models)
    yield _diagnosis(rule, "no gradient reaches the model", evidence, max(steps), site)


def _cut_in_two(
    rule: BrokenGraph, history: History, wiring: Wiring, model: ModelFacts
) -> Iterable[Diagnosis]:
    cut = _last_before_the_cut(history, model)
    if cut is None:
        return
    last, entered = cut
    site = site_of(history, (model.model,))
    fails = site is not None and gates.fails(history, gates.look(history, site))
    if not (fails or is_fresh(last)):
        return
    evidence = [
        Evidence(
            f"layer {layer(entered, 12)} takes in the outputs of layer "
            f"{layer(last.name, 12)}: no gradient",
            {"units": float(last.units)},
        ),
        Evidence(
            f"{wiring.unreached.tensors} of {wiring.trainable.tensors} parameters that are to be "
            "trained get no gradient",
            {
                "unreached": float(wiring.unreached.tensors),
                "trainable": float(wiring.trainable.tensors),
            },
        ),
    ]
    message = f"no gradient before layer {layer(entered)}"
    yield _diagnosis(rule, message, evidence, wiring.step, site, certain=is_fresh(last))


def _last_before_the_cut(history: History, model: ModelFacts) -> tuple[LayerFacts, str] | None:
    """(last layer that gets no gradient, layer behind it that is entered from outside)."""
    names = [part.name for part in model.layers]
    looks = history.layer_statistics(model.model)
    entries = history.inputs(model.model)
    if len(looks) < MIN_LOOKS or not entries:
        return None
    places = [names.index(entry.layer) for entry in entries if entry.layer in names]
    if len(places) != len(entries) or any(place == 0 for place in places):
        return None
    first = min(zip(places, entries, strict=True), key=lambda pair: pair[0])
    place, entry = first
    idle = [
        index
        for index, part in enumerate(model.layers[:place])
        if part.trainable
        and part.units
        and "Norm" not in part.kind
        and _held_without_gradient(looks, index)
    ]
    # all before the layer that is entered get nothing: else they are merely not in use
    dense = [
        index
        for index, part in enumerate(model.layers[:place])
        if part.trainable and part.units and "Norm" not in part.kind
    ]
    if not idle or idle != dense:
        return None
    last = model.layers[idle[-1]]
    fits = entry.features == last.units or (
        "Conv" in last.kind and entry.features > 0 and entry.features % last.units == 0
    )
    return (last, entry.layer) if fits else None


def _held_without_gradient(looks: Sequence[LayerStatistics], index: int) -> bool:
    """A layer that is in no optimizer has no update at all; that of an idle one is exactly 0. The
    first looks at a deep model do not see all of its layers."""
    seen = [look for look in looks if not math.isnan(look.weight_norm[index])]
    return bool(seen) and all(
        math.isnan(look.gradient_norm[index]) and look.update_ratio[index] == 0 for look in seen
    )


def _diagnosis(
    rule: BrokenGraph,
    message: str,
    evidence: list[Evidence],
    step: int,
    site: str | None,
    *,
    certain: bool = True,
) -> Diagnosis:
    return Diagnosis(
        rule=rule.name,
        code=rule.code,
        severity="error",
        confidence="certain" if certain else "likely",
        message=message,
        evidence=tuple(evidence),
        step=step,
        since_step=1,
        remedy=Remedy("join-graph", "let the gradient pass", {}),
        target="backward",
        site=site,
        structural=True,
    )
