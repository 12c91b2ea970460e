"""Full looks at the layers of a model: gradient norms, weight norms and update ratios.

Gradients are read before the optimizer steps and weights compared across it. All tensors of a model
go through one `_foreach_norm`, whose results are fetched in one transfer.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

from ...records import LayerFacts, LayerStatistics, ModelFacts
from .names import Model

# Copies of the weights are kept to measure their change; of a large parameter a part is enough.
_MOST_COPIED = 2**20  # scalars of one parameter

Norms = tuple[float | None, ...]


@dataclass(slots=True)
class Layer:
    name: str
    kind: str
    parameters: list[Any]


@dataclass(slots=True)
class ModelLook:
    """One model as seen by one optimizer, and the buffers for looking at it."""

    model: str
    layers: list[Layer]
    stepped: set[int]  # ids of the parameters that the optimizer holds
    before: list[Any] = field(default_factory=list)
    gradients: Norms = ()
    parameters: list[Any] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.parameters = [p for layer in self.layers for p in layer.parameters]


def layers_of(module: Any) -> list[Layer]:
    """Modules that own parameters, in order of registration; a shared parameter counts once."""
    seen: set[int] = set()
    layers = []
    for name, part in module.named_modules():
        own = [p for p in part._parameters.values() if p is not None and id(p) not in seen]
        if own:
            seen.update(map(id, own))
            layers.append(Layer(name or "(model)", type(part).__name__, own))
    return layers


def facts_of(model: Model, torch: Any) -> ModelFacts | None:
    """The structure of a model; None where it is gone."""
    module = model.module()
    if module is None:
        return None
    nn = torch.nn
    normal = (nn.modules.batchnorm._NormBase, nn.LayerNorm, nn.GroupNorm, nn.LocalResponseNorm)
    parts = list(module.modules())
    return ModelFacts(
        model=model.name,
        kind=model.kind,
        layers=tuple(_layer_facts(layer) for layer in layers_of(module)),
        activations=tuple(
            type(part).__name__
            for part in parts
            if type(part).__module__ == "torch.nn.modules.activation"
        ),
        normalizations=tuple(
            type(part).__name__
            for part in parts
            if isinstance(part, normal) or type(part).__name__ == "RMSNorm"
        ),
        dropouts=tuple(
            float(part.p) for part in parts if isinstance(part, nn.modules.dropout._DropoutNd)
        ),
    )


def bare_facts(name: str, parameters: list[Any]) -> tuple[ModelFacts, list[Layer]]:
    """Parameters that no module in sight owns, as a model of its own."""
    layers = [Layer(f"parameter {i}", "Parameter", [p]) for i, p in enumerate(parameters)]
    facts = ModelFacts(name, "", tuple(map(_layer_facts, layers)), (), (), ())
    return facts, layers


def _layer_facts(layer: Layer) -> LayerFacts:
    first = layer.parameters[0]
    deviation = math.nan
    if first.is_cpu and first.is_floating_point() and not _unready(first) and first.numel() > 1:
        deviation = float(first.detach().std())
    size = sum(0 if _unready(p) else p.numel() for p in layer.parameters)
    return LayerFacts(layer.name, layer.kind, size, deviation)


def _unready(parameter: Any) -> bool:
    return type(parameter).__name__ == "UninitializedParameter"


def look_before(look: ModelLook, torch: Any) -> None:
    """Before a step: gradient norms, and the weights kept for comparison."""
    gradients = [p.grad for p in look.parameters]
    look.gradients = _norms(gradients, torch)
    views = [part(p.detach()) for p in look.parameters]
    if not look.before:
        look.before = [view.clone() for view in views]
    else:
        torch._foreach_copy_(look.before, views)


def look_after(look: ModelLook, step: int, torch: Any) -> LayerStatistics:
    """After the step: weight norms and how far each layer's weights have moved."""
    weights = [p.detach() for p in look.parameters]
    old = _norms(look.before, torch)
    torch._foreach_sub_(look.before, [part(w) for w in weights])
    change = _norms(look.before, torch)
    return statistics(look, step, look.gradients, _norms(weights, torch), old, change)


def statistics(
    look: ModelLook, step: int, gradients: Norms, after: Norms, before: Norms, change: Norms
) -> LayerStatistics:
    """Per layer, from the norms of each parameter: after the step, before it, of its change."""
    gradient_norms, weight_norms, ratios = [], [], []
    at = 0
    for layer in look.layers:
        here = slice(at, at + len(layer.parameters))
        at += len(layer.parameters)
        gradient_norms.append(_total(gradients[here]))
        weight_norms.append(_total(after[here]))
        held = any(id(p) in look.stepped for p in layer.parameters)
        moved, was = _total(change[here]), _total(before[here])
        ratios.append((moved / was if was > 0 else math.nan) if held else math.nan)
    return LayerStatistics(
        look.model, step, tuple(gradient_norms), tuple(weight_norms), tuple(ratios)
    )


def part(tensor: Any) -> Any:
    """The tensor, or evenly spaced values of a very large one (still a view)."""
    if tensor.numel() <= _MOST_COPIED or not tensor.is_contiguous():
        return tensor
    return tensor.view(-1)[:: -(-tensor.numel() // _MOST_COPIED)]


def _norms(tensors: list[Any], torch: Any) -> Norms:
    """2-norm of each tensor, None where there is none; one transfer for all."""
    dense = [t for t in tensors if t is not None and not t.is_sparse]
    if not dense:
        return (None,) * len(tensors)
    found = torch._foreach_norm([wide(t) for t in dense])
    if len({(t.device, t.dtype) for t in found}) > 1:
        found = [t.to("cpu", torch.float32) for t in found]
    numbers = iter(torch.stack(found).tolist())
    return tuple(None if t is None or t.is_sparse else next(numbers) for t in tensors)


def wide(tensor: Any) -> Any:
    """Half precision is too coarse for a norm, and overflows at 65504."""
    return tensor if tensor.element_size() >= 4 else tensor.float()


def _total(norms: Norms) -> float:
    """Norm of several tensors together: nan where there is none, inf where one is not finite."""
    there = [n for n in norms if n is not None]
    if not there:
        return math.nan
    total = math.sqrt(sum(n * n for n in there))
    return total if math.isfinite(total) else math.inf
