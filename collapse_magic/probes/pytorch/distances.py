"""Squares, absolute differences and hinges of labels, written by hand."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from .spots import Held, Linear, Spot, output_of
from .written import ROUNDING, Tensors, Written, product


@dataclass(frozen=True, slots=True)
class Difference(Written):
    """(p - y) ** 2 or abs(p - y): the target is what is missing from p."""

    scores: Held | Linear
    difference: Held
    sign: int

    def places(self) -> tuple[Held | Linear, ...]:
        return (self.scores, self.difference, *self.outer)

    def read(self, root: Any) -> Tensors:
        difference = self.difference.of(root).detach()
        scores = self.scores.of(root).detach().reshape(difference.shape)
        targets = scores - difference if self.sign > 0 else scores + difference
        return Tensors(scores, targets.round(), product(self.outer, root))

    def is_likely(self, root: Any) -> bool:
        return bool(self.scores.of(root).numel() == self.difference.of(root).numel())

    def is_sure(self, root: Any) -> bool:
        """Labels of two kinds: a single one may as well be a bound to keep a value at."""
        difference = self.difference.of(root)
        scores, targets, weights = self.read(root)
        exact = scores.detach() - self.sign * difference.detach()
        whole = bool(((exact - targets).abs() < ROUNDING).all())
        return whole and len(targets.unique()) == 2 and weights is None


def difference(spot: Spot, _: Any) -> Iterator[Written]:
    if spot.kind == "PowBackward0" and getattr(spot.node, "_saved_exponent", None) != 2:
        return
    below = spot.under()
    if below is None or below.kind not in ("SubBackward0", "RsubBackward1"):
        return
    left, right = below.sides()
    if left is not None and right is not None:
        return
    made = left if left is not None else right
    sign = 1 if left is not None and below.kind == "SubBackward0" else -1
    scores, own = output_of(made), Held.at(spot, "_saved_self")
    if scores is not None and own is not None and made is not None:
        loss = "mse" if spot.kind == "PowBackward0" else "l1"
        yield Difference(loss, made.path, (), (), scores, own, sign)


@dataclass(frozen=True, slots=True)
class Hinge(Written):
    """max(0, 1 - y out), y of -1 and +1."""

    scores: Held | Linear
    signs: Held

    def places(self) -> tuple[Held | Linear, ...]:
        return (self.scores, self.signs, *self.outer)

    def read(self, root: Any) -> Tensors:
        signs = self.signs.of(root)
        return Tensors(self.scores.of(root).detach(), signs, product(self.outer, root))

    def is_sure(self, root: Any) -> bool:
        _, signs, weights = self.read(root)
        return weights is None and bool((signs.abs() == 1).all())


def hinge(spot: Spot, _: Any) -> Iterator[Written]:
    below = next((side for side in spot.sides() if side is not None), None)
    if below is None or below.kind not in ("RsubBackward1", "SubBackward0"):
        return
    if below.kind == "SubBackward0" and below.under(0) is not None:
        return
    times = below.under(0 if below.kind == "RsubBackward1" else 1)
    times = None if times is None else times.settled()
    if times is None or times.kind != "MulBackward0":
        return
    left, right = times.sides()
    if (left is None) == (right is None):
        return
    made = left if left is not None else right
    signs = Held.at(times, "_saved_self" if left is None else "_saved_other")
    scores = output_of(made)
    if made is not None and signs is not None and scores is not None:
        yield Hinge("hinge", made.path, (), (), scores, signs)
