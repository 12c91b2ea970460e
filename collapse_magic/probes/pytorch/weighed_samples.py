"""Ready-made losses, one value per sample, that are multiplied by weights or by a mask."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from ..calls import LossCall
from . import reading
from .spots import Held, Linear, Spot
from .written import Tensors, Written, product


@dataclass(frozen=True, slots=True)
class WeighedSamples(Written):
    """``F.cross_entropy(z, y, reduction="none") * mask``"""

    scores: Held
    targets: Held

    def places(self) -> tuple[Held | Linear, ...]:
        return (self.scores, self.targets, *self.outer)

    def read(self, root: Any) -> Tensors:
        weights = product(self.outer, root)
        return Tensors(self.scores.of(root), self.targets.of(root), weights)

    def is_likely(self, root: Any) -> bool:  # noqa: ARG002
        return True

    def is_sure(self, root: Any) -> bool:
        """Negative ones are no weights: the labels are actions, and those the rewards."""
        return not bool((product(self.outer, root) < 0).any())

    def call(self, root: Any) -> LossCall:
        return replace(
            reading.read_call(self.below(root)),
            weighted=True,
            class_weights=None,
            weighed_outside=True,
        )


def weighed_samples(spot: Spot, _: Any) -> Iterator[Written]:
    scores, targets = Held.at(spot, "_saved_self"), Held.at(spot, "_saved_target")
    if scores is not None and targets is not None:
        yield WeighedSamples("", spot.path, (), (), scores, targets)
