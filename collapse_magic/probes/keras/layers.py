"""The layers of a Keras model: names, kinds, and the weights that each of them owns."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

_MOST_DEPTH = 16  # of models inside models


@dataclass(slots=True)
class Layer:
    """A layer that owns weights which can be trained; the weights of an RNN's cell are its own."""

    name: str  # as in `model.summary()`; inside a nested model with that model's name before it
    kind: str
    weights: list[Any]  # keras.Variable, kernel first
    trainable: bool
    units: int  # outputs of the layer; 0 if unknown


def walk(model: Any) -> Iterator[tuple[str, Any]]:
    """The parts of a model in its own order, each once, with dotted names; "" is the model."""
    yield from _walk(model, "", set(), 0)


def _walk(part: Any, name: str, seen: set[int], depth: int) -> Iterator[tuple[str, Any]]:
    if id(part) in seen or depth > _MOST_DEPTH:
        return
    seen.add(id(part))
    yield name, part
    if is_recurrent(part):
        return
    for child in children(part):
        yield from _walk(child, f"{name}.{child.name}" if name else child.name, seen, depth + 1)


def children(part: Any) -> list[Any]:
    """What is directly inside: of a functional model its operations, too (`keras.ops.relu`)."""
    operations = list(getattr(part, "_operations", None) or ())
    known = set(map(id, operations))
    return operations + [layer for layer in own_layers(part) if id(layer) not in known]


def own_layers(part: Any) -> list[Any]:
    """The layers directly inside, in the order in which they were set, or in which they run."""
    return list(getattr(part, "_layers", ()))


def layers_of(model: Any) -> list[Layer]:
    """The layers that own weights, in the model's own order; shared weights count once."""
    found: list[Layer] = []
    seen: set[int] = set()
    for name, part in walk(model):
        weights = [w for w in own_weights(part) if id(w) not in seen]
        if weights:
            seen.update(map(id, weights))
            trainable = any(w.trainable for w in weights)
            kind = type(part).__name__
            found.append(Layer(name or "(model)", kind, weights, trainable, units_of(part)))
    return found


def own_weights(part: Any) -> list[Any]:
    """Weights of the layer itself that are made to be trained, frozen or not; not its state."""
    own = list(getattr(part, "_trainable_variables", ()))
    if is_recurrent(part):
        for cell in part._flatten_layers(include_self=False):
            own += cell._trainable_variables
    return own


def is_recurrent(part: Any) -> bool:
    """Whether this is an RNN, whose cell is no layer to the user."""
    return hasattr(part, "cell") and hasattr(part, "return_sequences")


def units_of(part: Any) -> int:
    """Outputs of a layer, from what it was asked for, else from its kernel; 0 if unknown."""
    for attribute in ("units", "filters", "output_dim"):
        value = getattr(part, attribute, None)
        if isinstance(value, int):
            return value
    own = own_weights(part)
    shape = tuple(own[0].shape) if own else ()
    if not shape:
        return 0
    # The kernel of a depthwise convolution is (..., inputs, outputs of each).
    depthwise = "Depthwise" in type(part).__name__ and len(shape) > 1
    return int(shape[-1] * shape[-2]) if depthwise else int(shape[-1])
