"""The end of a model: which layer makes the logits, and what stands between it and the loss.

Read from the layer graph where there is one (Sequential and functional models), else from the last
layers of a subclassed model, which mostly run in the order in which they were set.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from . import layer_activations as activations
from . import layers
from .losses import LossSeen

_MOST_LAYERS = 64  # between an output and the layer that makes it


@dataclass(frozen=True, slots=True)
class Head:
    """One output of a model.

    Attributes
        activations: between the last layer with weights and the output, nearest to the output
            first, the one that this layer applies itself included.
        sure: read from the layer graph, not from the order of the layers.
    """

    last_layer: str = ""
    units: int = 0
    activations: tuple[str, ...] = ()
    dropout: float = 0.0  # probability of a dropout behind the last layer
    sure: bool = False


class _Trail:
    """What has been met on the way back from an output."""

    def __init__(self) -> None:
        self.activations: list[str] = []
        self.dropout = 0.0

    def meets(self, part: Any, name: str) -> Head | None:
        """The head, where this part owns weights; else what it does is noted."""
        applied = activations.of_part(part)
        if applied:
            self.activations.append(applied)
        rate = dropout_rate(part)
        self.dropout = self.dropout or rate or 0.0
        # A PReLU and a normalisation have weights, too, but make no logits.
        if is_normalization(part) or activations.of_part(part) == "prelu":
            return None
        if not layers.own_weights(part):
            return None
        found = tuple(self.activations)
        return Head(name, layers.units_of(part), found, self.dropout)


def heads_of(model: Any) -> list[Head]:
    """One head per output, in order; a single guess where the model has no layer graph."""
    names = {id(part): name for name, part in layers.walk(model)}
    outputs = _graph_outputs(model)
    if outputs is None:
        return [_by_order(model, names)]
    return [_by_graph(output, names) for output in outputs]


def with_activations(seen: LossSeen, model: Any | None) -> LossSeen:
    """What was seen of a loss, with the activations that its model ends in.

    Values know nothing of what has made them; the layers of the model do.
    """
    if seen.activations or model is None or seen.scores is None:
        return seen
    units = int(seen.scores.shape[-1]) if len(seen.scores.shape) else 0
    head = next((h for h in heads_of(model) if units in (0, h.units)), None)
    return seen if head is None else replace(seen, activations=head.activations)


def is_normalization(part: Any) -> bool:
    return "Normalization" in type(part).__name__


def dropout_rate(part: Any) -> float | None:
    """Probability with which a dropout layer drops; None for any other layer."""
    kind, rate = type(part), getattr(part, "rate", None)
    if "Dropout" not in kind.__name__ or not isinstance(rate, int | float):
        return None
    return float(rate)


def _graph_outputs(model: Any) -> list[Any] | None:
    functional = getattr(model, "_functional", None) or model
    try:
        outputs = list(functional.outputs)
    except Exception:  # subclassed, or not built yet
        return None
    return outputs if outputs and all(hasattr(o, "_keras_history") for o in outputs) else None


def _is_made_of_layers(part: Any) -> bool:
    """A model, or a layer that only holds others. One with weights may hold its activation."""
    return bool(layers.own_layers(part)) and not layers.own_weights(part)


def _by_graph(output: Any, names: dict[int, str]) -> Head:
    trail = _Trail()
    for _ in range(_MOST_LAYERS):
        operation, node_index, tensor_index = output._keras_history
        inner = _graph_outputs(operation) if _is_made_of_layers(operation) else None
        if inner is not None and len(inner) > tensor_index:
            nested = _by_graph(inner[tensor_index], names)
            if nested.last_layer:
                joined = (*trail.activations, *nested.activations)
                dropout = trail.dropout or nested.dropout
                return Head(nested.last_layer, nested.units, joined, dropout, nested.sure)
            trail.activations += nested.activations
            trail.dropout = trail.dropout or nested.dropout
        elif _is_made_of_layers(operation):
            guess = _by_order(operation, names)  # a subclassed model or layer inside
            joined = (*trail.activations, *guess.activations)
            return Head(guess.last_layer, guess.units, joined, trail.dropout or guess.dropout)
        else:
            name = names.get(id(operation), operation.name)
            found = trail.meets(operation, name)
            if found is not None:
                return Head(found.last_layer, found.units, found.activations, found.dropout, True)
        before = operation._inbound_nodes[node_index].input_tensors
        if len(before) != 1:
            break  # the input, or several branches that come together
        output = before[0]
    return Head(activations=tuple(trail.activations), dropout=trail.dropout)


def _by_order(model: Any, names: dict[int, str]) -> Head:
    """The last layer with weights among those of a model whose `call` is code."""
    own = getattr(model, "activation", None)
    trail = _Trail()
    if callable(own) and not layers.own_layers(model):
        trail.activations.append(activations.of_function(own))
    for part in reversed([part for _, part in layers.walk(model)][1:]):
        if _is_made_of_layers(part):
            continue  # its parts come one by one
        found = trail.meets(part, names.get(id(part), part.name))
        if found is not None:
            return found
    return Head()
