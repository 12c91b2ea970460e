"""frozen-parameters (CM413)

## What it checks
Whether the layer that makes the logits, or every layer, is frozen.

## Why it matters
Layers are frozen to keep what they have learned. A new last layer has learned nothing: frozen, it
is a random projection, and the layers before it can hardly make up for it. Where all is frozen
nothing is trained at all.

## How it is measured
Which parameters ask for a gradient, and which layer has as many outputs as the loss has columns.
A frozen last layer is a warning at once where its weights are those of a new layer, an error when
the predictions are one class or nothing is learned. A last layer that was trained before is named
only then. As soon as the predictions clearly beat a constant answer nothing is said.

## Known limits
A last layer whose weights look neither new nor bad is taken for one that is frozen on purpose, as
under adapters. Labels of a single class (the generator's step of a GAN) are left alone.

## Example
    model.fc = nn.Linear(512, 10)
    for parameter in model.parameters():
        parameter.requires_grad = False

## Use instead
    for parameter in model.parameters():
        parameter.requires_grad = False
    model.fc = nn.Linear(512, 10)

## Fix safety
Needs review: whether other layers are to stay frozen is the user's to know.

## References
PyTorch, Transfer learning tutorial ("parameters of newly constructed modules have
requires_grad=True by default"); Keras, Transfer learning and fine-tuning.
"""

from __future__ import annotations

from collections.abc import Iterable

from ..findings import Diagnosis, Evidence, Remedy
from ..history import History
from ..records import LayerFacts, LossFacts, ModelFacts, Wiring
from ..statistics import number, percent
from . import gates
from .first_weights import is_fresh
from .raised import raised_at_backward
from .stepping import SYMPTOMS
from .wording import layer

TASKS = (*gates.CLASSIFICATION, "multilabel")


class FrozenParameters:
    code = "CM413"
    name = "frozen-parameters"
    says = "the layer that makes the logits, or everything, is frozen"
    explains: tuple[str, ...] = SYMPTOMS

    def missing(self, history: History) -> str | None:
        if raised_at_backward(history) is not None:
            return None
        return None if history.sites() and history.models() else "no model was seen"

    def check(self, history: History) -> Iterable[Diagnosis]:
        raised = raised_at_backward(history)
        for wiring in history.wirings() if raised is not None else ():
            if raised is not None and wiring.frozen.tensors and not wiring.trainable.tensors:
                yield self._everything(wiring.model, wiring.frozen.tensors, raised.step, None)
                return
        for site in history.sites():
            facts = history.loss_facts(site)
            model = history.model_facts(facts.model) if facts is not None else None
            if facts is None or model is None or not history.windows(site):
                continue
            if model.layers and not any(part.trainable for part in model.layers):
                if _wiring(history, model) is None:
                    yield self._everything(model.model, len(model.layers), facts.step, site)
            elif (head := _frozen_head(history, facts, model)) is not None:
                yield from self._head(history, facts, model, head)

    def _everything(self, model: str | None, frozen: int, step: int, site: str | None) -> Diagnosis:
        parts = "layers" if site is not None else "parameters"
        return Diagnosis(
            rule=self.name,
            code=self.code,
            severity="error",
            confidence="certain",
            message="all layers are frozen",
            evidence=(
                Evidence(
                    f"{frozen:,} of {frozen:,} {parts} of {layer(model or 'the model', 12)} are "
                    "frozen (want: some are not)",
                    {"frozen": float(frozen)},
                ),
            ),
            step=step,
            since_step=1,
            remedy=Remedy("unfreeze", "let the last layer learn", {"model": model, "layer": ""}),
            target="model",
            site=site,
            structural=True,
        )

    def _head(
        self, history: History, facts: LossFacts, model: ModelFacts, head: LayerFacts
    ) -> Iterable[Diagnosis]:
        look = gates.look(history, facts.site)
        fails, fresh = gates.fails(history, look), is_fresh(head)
        if gates.has_learned(history, facts.site) or not (fails or fresh):
            return
        evidence = [
            Evidence(
                f"layer {layer(head.name)}: {head.parameters:,} weights, none of them may move",
                {"units": float(head.units), "parameters": float(head.parameters)},
            )
        ]
        if fresh:
            evidence.append(
                Evidence(
                    f"it began as a new layer: weights of deviation {number(head.weight_std)}",
                    {"weight_std": head.weight_std},
                )
            )
        if look is not None:
            over = look.last.cross_entropy_over_entropy
            name = history.class_name(look.site, look.last.top_class)
            evidence.append(
                Evidence(
                    f"loss {number(over)} x a constant answer's; {percent(look.last.top)} {name}",
                    {"cross_entropy_over_entropy": over, "predicted_share": look.last.top},
                )
            )
        yield Diagnosis(
            rule=self.name,
            code=self.code,
            severity="error" if fails else "warning",
            confidence="certain" if fails and fresh else "likely",
            message="the last layer is frozen",
            evidence=tuple(evidence),
            step=max(facts.step, look.last.last_step if look is not None else 0),
            since_step=facts.step,
            remedy=Remedy(
                "unfreeze",
                "let the last layer learn",
                {"model": model.model, "layer": head.name},
            ),
            target="model",
            site=facts.site,
            structural=True,
        )


def _wiring(history: History, model: ModelFacts) -> Wiring | None:
    return next((w for w in history.wirings() if w.model == model.model), None)


def _frozen_head(history: History, facts: LossFacts, model: ModelFacts) -> LayerFacts | None:
    """The layer that makes the logits, where it is frozen.

    A graph holds no frozen weights: there the last layer that is known is one further down, which
    makes another number of outputs than the loss is given.
    """
    if facts.task not in TASKS or facts.target_min == facts.target_max:
        return None
    columns = facts.input_shape[1] if len(facts.input_shape) > 1 else 1
    places = {part.name: place for place, part in enumerate(model.layers)}
    frozen = [
        part
        for part in model.layers
        if not part.trainable and part.units == columns and "Norm" not in part.kind
    ]
    known = places.get(model.last_layer)
    if not frozen or known is None:
        return None
    head, last = frozen[-1], model.layers[known]
    behind = places[head.name] > known and last.units != columns
    if not (head is last or behind) or _moves(history, model, head):
        return None
    wiring = _wiring(history, model)
    if wiring is None or not wiring.frozen.tensors or not wiring.trainable.tensors:
        return None
    names = wiring.frozen.names
    complete = len(names) == wiring.frozen.tensors
    return head if not complete or any(n.startswith(f"{head.name}.") for n in names) else None


def _moves(history: History, model: ModelFacts, head: LayerFacts) -> bool:
    """Whether the layer was updated lately: it may have been unfrozen since it was met."""
    place = model.layers.index(head)
    looks = history.layer_statistics(model.model)[-1:]
    return any(look.update_ratio[place] > 0 for look in looks if place < len(look.update_ratio))
