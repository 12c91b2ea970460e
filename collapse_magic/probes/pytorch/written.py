"""What a loss that is written by hand comes down to: where its scores, targets and weights stand.

It is made once, from the first graph of its kind, and then read from every counted batch's graph.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from ..calls import LossCall
from . import graph
from .graph import SELECTING, Factors, Path
from .spots import Held, Linear, Mask, Spot

# What a logarithm was kept away from zero by: no more than this is taken for rounding.
ROUNDING = 1e-3


class Tensors(NamedTuple):
    """One batch: loss inputs, targets and, per sample, weights; views, none of them to be kept."""

    scores: Any
    targets: Any
    weights: Any | None


@dataclass(frozen=True, slots=True)
class Written:
    """A loss whose scores and targets were found in the graph; subclasses say how to read them."""

    loss: str
    start: Path  # to what made the scores
    before: tuple[str, ...]  # activations between that and the loss, nearest to the loss first
    outer: tuple[Held, ...]  # factors of the samples' losses

    def places(self) -> tuple[Held | Linear, ...]:
        """Everything that is read."""
        raise NotImplementedError

    def read(self, root: Any) -> Tensors:
        """LookupError where the graph is another one, RuntimeError where a tensor was changed."""
        raise NotImplementedError

    def is_likely(self, root: Any) -> bool:
        """What can be told without a look at any value: a device's tensors are not waited for."""
        scores, targets, _ = self.read(root)
        return bool(scores.numel() == targets.numel())

    def is_sure(self, root: Any) -> bool:
        """Whether the values are those of such a loss; never asked of a device's tensors."""
        raise NotImplementedError

    def fits(self, root: Any) -> bool:
        return all(place.fits(root) for place in self.places())

    def below(self, root: Any) -> Any:
        """The node that made the scores."""
        node = root
        for index in self.start:
            node = node.next_functions[index][0]
        return node

    def call(self, root: Any) -> LossCall:
        scores, targets, weights = self.read(root)
        shape, target_shape = tuple(scores.shape), tuple(targets.shape)
        return LossCall(
            loss=self.loss,
            activations=self.before + graph.activations(self.below(root)),
            input_shape=shape,
            target_shape=target_shape,
            broadcast=_enlarged(shape, target_shape),
            weighted=weights is not None,
            ignore_index=None,
            class_weights=None,
            handwritten=True,
        )


def outer_factors(root: Any, factors: Factors) -> tuple[Held, ...] | None:
    """The factors that are no mere numbers; None where they cannot be read."""
    held = []
    for path, side in factors:
        node: Any = root
        for index in path:
            node = node.next_functions[index][0]
        one = _factor(Spot(path, node), side)
        if one is None:
            return None
        if one.of(root).numel() > 1:
            held.append(one)
    return tuple(held)


def _factor(spot: Spot, side: int) -> Held | None:
    """What argument `side` of an operation is multiplied by, or let through by."""
    if spot.kind not in SELECTING:
        return Held.at(spot, "_saved_other" if side == 0 else "_saved_self")
    filled = spot.kind == "MaskedFillBackward0"
    saved = {"WhereBackward0": "_saved_condition", "IndexBackward0": "_saved_indices"}
    mask = Mask.at(spot, saved.get(spot.kind, "_saved_mask"))
    return None if mask is None else replace(mask, inverted=filled or side == 1)


def product(factors: tuple[Held, ...], root: Any) -> Any:
    """Of constants, truth values as 0 and 1; None of none."""
    value = None
    for factor in factors:
        one = factor.of(root)
        one = one.float() if str(one.dtype) == "torch.bool" else one
        value = one if value is None else value * one
    return value


def weights_are_sound(weights: Any | None, targets: Any, samples: int) -> bool:
    """Whether they weigh samples: by class, or to leave some out.

    Anything else (the advantages of a policy gradient) makes it another task.
    """
    if weights is None:
        return True
    weights, labels = weights.reshape(-1), targets.reshape(-1)
    if weights.numel() != samples or labels.numel() != samples:
        return False
    used = weights != 0
    weights, labels = weights[used], labels[used]
    if bool((weights < 0).any()):
        return False
    for label in labels.unique().tolist()[:64]:
        of_class = weights[labels == label]
        if not math.isclose(float(of_class.min()), float(of_class.max()), rel_tol=1e-4):
            return False
    return True


def _enlarged(one: tuple[int, ...], other: tuple[int, ...]) -> bool:
    """Whether two shapes of equally many elements were broadcast to a larger one."""
    if one == other or math.prod(one) != math.prod(other) or len(one) == len(other):
        return False
    short, long = sorted((one, other), key=len)
    padded = (1,) * (len(long) - len(short)) + short
    return math.prod(map(max, zip(padded, long, strict=True))) > math.prod(one)
