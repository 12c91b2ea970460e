"""Full looks at the layers of a model: gradient norms, weight norms and update ratios.

Gradients are read before the optimizer steps and weights compared across it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...records import LayerStatistics
from . import norms
from .norms import Array
from .sharded import is_sharded, local, ordinary
from .structure import Layer
from .weights import unready

# Copies of the weights are kept to measure their change; of a large parameter a part is enough.
_MOST_COPIED = 2**20  # scalars of one parameter
# The first looks come before anything is known of the time that a step takes: of a model of many
# layers they see some, spread over its depth.
_LAYERS_AT_FIRST = 32
_PARTIAL_LOOKS = 4


@dataclass(slots=True)
class ModelLook:
    """One model as seen by one optimizer, and the buffers for looking at it."""

    model: str
    layers: list[Layer]
    stepped: set[int]  # ids of the parameters that the optimizer holds
    parameters: list[Any] = field(default_factory=list)
    starts: list[int] = field(default_factory=list)  # of the layers among the parameters
    held: list[bool] = field(default_factory=list)  # of the layers, by the optimizer
    gradients: Array = field(default_factory=lambda: np.empty(0))  # sums of squares
    small: list[int] = field(default_factory=list)  # places of the small weights ...
    small_before: NDArray[np.float32] | None = None  # ... which are kept end to end
    large: list[int] = field(default_factory=list)
    large_before: list[Any] = field(default_factory=list)
    plain: bool = True  # no parameter is spread over processes or yet to be made
    looks: int = 0
    partial: ModelLook | None = None  # of some of the layers, for the first looks ...
    places: list[int] = field(default_factory=list)  # ... and which these are

    def __post_init__(self) -> None:
        for layer in self.layers:
            self.starts.append(len(self.parameters))
            self.parameters.extend(layer.parameters)
            self.held.append(not self.stepped.isdisjoint(map(id, layer.parameters)))
        self.plain = ordinary(self.parameters) or not any(
            is_sharded(p) or unready(p) for p in self.parameters
        )

    @property
    def share(self) -> float:
        """How much of a whole look the last one was."""
        return 1.0 if self.partial is None else len(self.places) / len(self.layers)

    def begin(self) -> ModelLook:
        """One more look: what is to be looked at, which is this or some of it."""
        self.looks += 1
        if self.looks > _PARTIAL_LOOKS or len(self.layers) <= 2 * _LAYERS_AT_FIRST:
            self.partial = None
            return self
        if self.partial is None:
            last = len(self.layers) - 1
            self.places = np.linspace(0, last, _LAYERS_AT_FIRST).round().astype(int).tolist()
            chosen = [self.layers[place] for place in self.places]
            self.partial = ModelLook(self.model, chosen, self.stepped)
        return self.partial

    def whole(self, record: LayerStatistics) -> LayerStatistics:
        """What was seen of some layers as a record of all of them: nan for the others."""
        if self.partial is None:
            return record

        def spread(values: tuple[float, ...]) -> tuple[float, ...]:
            found = [math.nan] * len(self.layers)
            for place, value in zip(self.places, values, strict=True):
                found[place] = value
            return tuple(found)

        return LayerStatistics(
            record.model,
            record.step,
            spread(record.gradient_norm),
            spread(record.weight_norm),
            spread(record.update_ratio),
        )

    def weights(self) -> list[Any]:
        """None where a lazy module has not made it yet."""
        if self.plain:
            return self.parameters
        return [None if unready(p) else local(p) for p in self.parameters]

    def weight_gradients(self) -> list[Any]:
        found = [p.grad for p in self.parameters]
        return found if self.plain else list(map(local, found))


def look_before(look: ModelLook, gradient_scale: float, torch: Any) -> None:
    """Before a step: gradient norms, and the weights kept for comparison."""
    whole, look = look, look.begin()
    weights = look.weights()
    look.gradients = norms.squares(look.weight_gradients(), torch)
    if gradient_scale != 1.0:
        look.gradients[look.gradients > 0] /= gradient_scale**2
    whole.gradients = look.gradients
    if not look.small and not look.large:
        look.small, look.large = norms.split(weights, torch)
    if look.small:
        look.small_before = norms.flat([weights[i] for i in look.small], torch)
    views = [part(weights[i].detach()) for i in look.large]
    if not look.large_before:
        look.large_before = [view.clone() for view in views]
    elif views:
        torch._foreach_copy_(look.large_before, views)


def has_nan(gradients: Array) -> bool:
    """Whether a gradient holds a NaN, of which the squares are given."""
    return bool(np.isnan(gradients).any())


def look_after(look: ModelLook, step: int, torch: Any) -> LayerStatistics:
    """After the step: weight norms and how far each layer's weights have moved."""
    seen = look.partial or look
    return look.whole(statistics(seen, step, np.stack((seen.gradients, *_moved(seen, torch)))))


def statistics(look: ModelLook, step: int, squares: Array) -> LayerStatistics:
    """Per layer, from squares per weight (4, weights): of the gradient, of the weight after the
    step and before it, and of its change."""
    gradients, weights, was, change = norms.totals(squares, look.starts).tolist()
    ratios = (
        moved / before if held and before > 0 else math.nan
        for held, moved, before in zip(look.held, change, was, strict=True)
    )
    return LayerStatistics(look.model, step, tuple(gradients), tuple(weights), tuple(ratios))


def _moved(look: ModelLook, torch: Any) -> tuple[Array, Array, Array]:
    """Squares of each weight after the step and before it, and of its change."""
    weights, small, large = look.weights(), look.small, look.large
    after = np.full(len(weights), -1.0)
    before, change = after.copy(), after.copy()
    if small and look.small_before is not None:
        lengths = [weights[i].numel() for i in small]
        now, then = norms.flat([weights[i] for i in small], torch), look.small_before
        after[small] = norms.stretches(now, lengths)
        before[small] = norms.stretches(then, lengths)
        with np.errstate(invalid="ignore"):
            change[small] = norms.stretches(now - then, lengths)
    if large:
        whole, kept = [weights[i].detach() for i in large], look.large_before
        both = norms.squares([*whole, *kept], torch)
        after[large], before[large] = both[: len(large)], both[len(large) :]
        torch._foreach_sub_(kept, [part(w) for w in whole])
        change[large] = norms.squares(kept, torch)
    return after, before, change


def part(tensor: Any, most: int = _MOST_COPIED) -> Any:
    """The tensor, or evenly spaced values of a very large one (still a view)."""
    if tensor.numel() <= most or not tensor.is_contiguous():
        return tensor
    return tensor.view(-1)[:: -(-tensor.numel() // most)]
