"""What a model is made of: its layers, the weights they began with, and its head."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ...records import LayerFacts, ModelFacts
from ..initial_weights import InitialWeights
from . import graph
from .names import Model, Names
from .saved import saved
from .sharded import ordinary
from .transfer import Transfers
from .tree import Tree
from .weights import a_sample, initial_weights, on_host, unready

_LAYERS = ("Addmm", "Mm", "Bmm", "Convolution", "Embedding", "CompiledFunction")
_MOST_CHAIN = 8  # nodes between the loss and the last layer


@dataclass(slots=True)
class Layer:
    """A module that owns parameters, or, where no module is known, one parameter."""

    name: str
    kind: str
    parameters: list[Any]


def layers_of(tree: Tree) -> list[Layer]:
    """Modules that own parameters, in order of registration; a shared parameter counts once."""
    return [Layer(name, type(part).__name__, own) for name, part, own in tree.owners]


def tell_facts(
    model: Model, names: Names, transfers: Transfers, tell: Callable[[ModelFacts], None]
) -> bool:
    """Tell the structure of a model, with the weights that it has now: at once, or when these have
    come from their device. False where they cannot be sent for now."""
    module = model.module()
    if module is None:
        return True
    tree = names.tree(module)
    firsts = [own[0] for _, _, own in tree.owners]
    if model.facts is not None or all(map(on_host, firsts)):
        tell(_facts_of(model, tree, firsts, transfers.torch))
        return True

    def arrived(arrays: list[Any]) -> None:
        torch = transfers.torch
        weights = [torch.from_numpy(a) if isinstance(a, np.ndarray) else a for a in arrays]
        tell(_facts_of(model, tree, weights, torch))

    return transfers.later([a_sample(weight) for weight in firsts], arrived)


def _facts_of(model: Model, tree: Tree, weights: list[Any], torch: Any) -> ModelFacts:
    """`weights`: the first parameter of each layer, or what a device has sent of it."""
    if model.facts is None:
        model.facts = _first_facts(model, tree, weights, torch)
    facts = model.facts
    return ModelFacts(
        model=model.name,
        kind=model.kind,
        layers=facts.layers,
        activations=facts.activations,
        normalizations=facts.normalizations,
        dropouts=facts.dropouts,
        last_layer=model.last_layer,
        outputs=next((la.units for la in facts.layers if la.name == model.last_layer), 0),
        last_dropout=model.last_dropout,
    )


def _first_facts(model: Model, tree: Tree, weights: list[Any], torch: Any) -> ModelFacts:
    activations, normalizations, dropouts = [], [], []
    roles: dict[type, str] = {}  # a thousand modules are of a few kinds
    for _, part in tree.parts:
        kind = type(part)
        if kind not in roles:
            roles[kind] = _role(kind, torch)
        role = roles[kind]
        if role == "activation":
            activations.append(kind.__name__)
        elif role == "normalization":
            normalizations.append(kind.__name__)
        elif role == "dropout":
            dropouts.append(float(part.p))
    return ModelFacts(
        model.name,
        model.kind,
        _layer_facts(layers_of(tree), weights, torch),
        tuple(activations),
        tuple(normalizations),
        tuple(dropouts),
    )


def _role(kind: type, torch: Any) -> str:
    nn = torch.nn
    normal = (nn.modules.batchnorm._NormBase, nn.LayerNorm, nn.GroupNorm, nn.LocalResponseNorm)
    if kind.__module__ == "torch.nn.modules.activation":
        return "activation"
    if issubclass(kind, normal) or kind.__name__ == "RMSNorm":
        return "normalization"
    return "dropout" if issubclass(kind, nn.modules.dropout._DropoutNd) else ""


def bare_facts(name: str, parameters: list[Any], torch: Any) -> tuple[ModelFacts, list[Layer]]:
    """Parameters that no module in sight owns, as a model of its own."""
    layers = [Layer(f"parameter {i}", "Parameter", [p]) for i, p in enumerate(parameters)]
    facts = _layer_facts(layers, parameters, torch)
    return ModelFacts(name, "", facts, (), (), ()), layers


def note_head(model: Model, names: Names, node: Any, head: Any, torch: Any) -> bool:
    """Remember which layer makes the logits; True where that is news.

    Parameters: the model and all names, the loss node, and the parameter nearest below it.
    """
    module = model.module()
    if model.last_layer or module is None:
        return False
    own = names.tree(module).names
    if id(head) not in own:
        return False
    model.last_layer = own[id(head)][1]
    model.last_dropout = _dropout_below(node, torch)
    return True


def _dropout_below(node: Any, torch: Any) -> float:
    """Probability of a dropout between a loss node and the last layer; 0 if there is none.

    On the CPU dropout is a product with a random mask of zeros and 1 / (1 - p), kept for backward.
    """
    for _ in range(_MOST_CHAIN):
        node = graph.below(node)
        if node is None or type(node).__name__.startswith(_LAYERS):
            return 0.0
        if type(node).__name__ == "NativeDropoutBackward0":
            return float(node._saved_p)
        if type(node).__name__ == "MulBackward0":
            mask = saved(node, "other")
            if isinstance(mask, torch.Tensor) and mask.is_floating_point() and mask.is_cpu:
                values = np.unique(mask.detach().float().numpy())
                if len(values) == 2 and values[0] == 0 and values[1] > 1:
                    return round(1 - 1 / float(values[1]), 6)
    return 0.0


def _layer_facts(layers: list[Layer], weights: list[Any], torch: Any) -> tuple[LayerFacts, ...]:
    made = ordinary([parameter for layer in layers for parameter in layer.parameters])
    begun = initial_weights(weights, torch)
    return tuple([_facts_of_layer(*both, made) for both in zip(layers, begun, strict=True)])


def _facts_of_layer(layer: Layer, weights: InitialWeights, made: bool) -> LayerFacts:
    """`made`: surely none of its parameters has yet to be made."""
    scalars, trainable = 0, False
    for parameter in layer.parameters:
        scalars += parameter.numel() if made or not unready(parameter) else 0
        trainable = trainable or parameter.requires_grad
    first = layer.parameters[0]
    units = _units(layer.kind, first.shape) if made or not unready(first) else 0
    mean, deviation, start, identical = weights
    # By place: by name it takes half as long again, and there may be a thousand layers.
    return LayerFacts(
        layer.name, layer.kind, scalars, deviation, mean, start, identical, units, trainable
    )


def _units(kind: str, shape: Sequence[int]) -> int:
    if not shape:
        return 0
    # Transposed convolutions and embeddings hold their outputs in the second dimension.
    second = len(shape) > 1 and ("Transpose" in kind or kind.startswith("Embedding"))
    return int(shape[1 if second else 0])
