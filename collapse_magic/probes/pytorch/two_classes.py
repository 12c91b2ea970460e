"""Losses of two classes (or of several labels, each yes or no) that are written by hand."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from .graph import KEEPS_ORDER
from .spots import Held, Linear, Spot, output_of
from .written import ROUNDING, Tensors, Written, product, weights_are_sound

_REDUCING = KEEPS_ORDER | {"MeanBackward0", "MeanBackward1", "SumBackward0", "SumBackward1"}
_LOGARITHMS = ("LogBackward0", "Log1PBackward0", "LogSigmoidBackward0")
_CLAMPS = ("ClampBackward0", "ClampBackward1", "ClampMinBackward0", "ClampMaxBackward0")
# What a focal loss multiplies its logarithms by.
_MODULATING = ("PowBackward0", "RsubBackward1", "SubBackward0", "SigmoidBackward0", "ExpBackward0")


@dataclass(frozen=True, slots=True)
class Term:
    """A product, taken apart."""

    sign: int
    constants: tuple[Held, ...]
    core: Spot
    modulated: bool


def term_of(spot: Spot, cores: tuple[str, ...]) -> Term | None:
    """The product at or below `spot` that has exactly one factor of the kinds `cores`."""
    sign, constants, found = 1, [], []
    stack: list[Spot | None] = [spot]
    modulated = False
    while stack:
        at = stack.pop()
        if at is None:
            return None
        if at.kind == "NegBackward0":
            sign = -sign
            stack.append(at.under())
        elif at.kind in _REDUCING:
            stack.append(at.under())
        elif at.kind == "MulBackward0":
            for side, name in enumerate(("_saved_self", "_saved_other")):
                below = at.under(side)
                if below is not None:
                    stack.append(below)
                    continue
                held = Held.at(at, name)
                if held is None:
                    return None
                constants.append(held)
        elif at.kind in cores:
            found.append(at)
        elif at.kind in _MODULATING:
            modulated = True
        else:
            return None
    return Term(sign, tuple(constants), found[0], modulated) if len(found) == 1 else None


@dataclass(frozen=True, slots=True)
class _Argument:
    """What a logarithm was taken of: p or 1 - p."""

    base: Spot
    complement: bool
    shifted: bool  # a small number was added


def _argument(logarithm: Spot) -> _Argument | None:
    at, complement, shifted = logarithm.under(), False, False
    while at is not None:
        first = at.node.next_functions[0][0] if at.node.next_functions else None
        if at.kind in KEEPS_ORDER or at.kind in _CLAMPS:
            at = at.under()
        elif at.kind == "AddBackward0" and at.under(1) is None:
            at, shifted = at.under(), True
        elif at.kind == "RsubBackward1":
            at, complement = at.under(), not complement
        elif at.kind == "SubBackward0" and first is None:
            at, complement = at.under(1), not complement
        elif at.kind == "NegBackward0" and logarithm.kind != "LogBackward0":
            at, complement = at.under(), not complement
        else:
            return _Argument(at, complement, shifted)
    return None


def _is_same(one: Spot, other: Spot) -> bool:
    if one.node is other.node:
        return True
    below = one.under(), other.under()
    return (
        one.kind == other.kind == "SigmoidBackward0"
        and below[0] is not None
        and below[1] is not None
        and below[0].node is below[1].node
    )


@dataclass(frozen=True, slots=True)
class TwoSided(Written):
    """y log p + (1 - y) log(1 - p), the two sides perhaps with weights of their own."""

    scores: Held
    shifted: bool
    logarithms: tuple[Held, Held]
    ones: tuple[Held, ...]
    zeros: tuple[Held, ...]
    same_sign: bool
    modulated: bool
    plain: bool = False  # the two factors are y and 1 - y

    def places(self) -> tuple[Held | Linear, ...]:
        return (self.scores, *self.logarithms, *self.ones, *self.zeros, *self.outer)

    def read(self, root: Any) -> Tensors:
        scores = self.scores.of(root).detach()
        if self.shifted:  # log(p + 1e-6) of p = 1
            scores = scores.where((scores <= 1) | (scores > 1 + ROUNDING), 1.0)
        weights = product(self.outer, root)
        if self.plain:
            return Tensors(scores, product(self.ones, root), weights)
        ones, total = self._sides(root)
        weights = total.abs() if weights is None else total.abs() * weights
        return Tensors(scores, ones / total, weights)

    def _sides(self, root: Any) -> tuple[Any, Any]:
        ones, zeros = product(self.ones, root), product(self.zeros, root)
        return ones, (ones + zeros if self.same_sign else ones - zeros)

    def is_plain(self, root: Any) -> bool:
        _, total = self._sides(root)
        return bool(((total - 1).abs() < ROUNDING).all())

    def is_sure(self, root: Any) -> bool:
        if self.loss == "binary_cross_entropy":
            yes, no = (held.of(root).detach() for held in self.logarithms)
            no = 1 + no if self.logarithms[1].kind == "Log1PBackward0" else no
            if bool(((yes + no - 1).abs() > ROUNDING).any()):
                return False
        scores, targets, weights = self.read(root)
        if scores.numel() != targets.numel():
            return False
        hard = targets[(targets != 0) & (targets != 1)]
        if bool(hard.isnan().all()):
            return weights is None or weights_are_sound(weights, targets, targets.numel())
        # weights of the sides cannot be told from soft labels
        return self.plain and not self.modulated and weights is None


def two_sided(spot: Spot, _: Any) -> Iterator[Written]:
    sides = spot.sides()
    if sides[0] is None or sides[1] is None:
        return
    terms = [term_of(side, _LOGARITHMS) for side in sides if side is not None]
    if terms[0] is None or terms[1] is None or not all(t and t.constants for t in terms):
        return
    arguments = [_argument(term.core) for term in terms if term is not None]
    yes, no = terms
    first, second = arguments
    if first is None or second is None or first.complement == second.complement:
        return
    if first.complement:
        (yes, no), (first, second) = (no, yes), (second, first)
    if not _is_same(first.base, second.base) or yes is None or no is None:
        return
    logits = yes.core.kind == "LogSigmoidBackward0"
    if logits != (no.core.kind == "LogSigmoidBackward0"):
        return
    own = Held.at(yes.core, "_saved_self"), Held.at(no.core, "_saved_self")
    if own[0] is None or own[1] is None:
        return
    scores, shifted = own[0], first.shifted
    if first.base.kind == "SigmoidBackward0":
        # as they were before anything was added or cut off
        result = Held.at(first.base, "_saved_result")
        if result is not None and _alike(first.base.node._saved_result, yes.core.node._saved_self):
            scores, shifted = result, False
    yield TwoSided(
        loss="binary_cross_entropy_with_logits" if logits else "binary_cross_entropy",
        start=first.base.path,
        before=(),
        outer=(),
        scores=scores,
        shifted=shifted,
        logarithms=(own[0], own[1]),
        ones=yes.constants,
        zeros=no.constants,
        same_sign=(yes.sign == no.sign) == (spot.kind == "AddBackward0"),
        modulated=yes.modulated or no.modulated,
    )


def _alike(one: Any, other: Any) -> bool:
    return bool(one.shape == other.shape)


@dataclass(frozen=True, slots=True)
class Chosen(Written):
    """log(where(y, p, 1 - p))."""

    scores: Held
    condition: Held

    def places(self) -> tuple[Held | Linear, ...]:
        return (self.scores, self.condition, *self.outer)

    def read(self, root: Any) -> Tensors:
        scores = self.scores.of(root).detach()
        return Tensors(scores, self.condition.of(root).to(scores.dtype), product(self.outer, root))

    def is_sure(self, root: Any) -> bool:
        scores, targets, weights = self.read(root)
        return bool(scores.shape == targets.shape) and weights_are_sound(
            weights, targets, targets.numel()
        )


def chosen(spot: Spot, _: Any) -> Iterator[Written]:
    below = spot.under()
    while below is not None and (below.kind in KEEPS_ORDER or below.kind in _CLAMPS):
        below = below.under()
    if below is None or below.kind != "WhereBackward0":
        return
    yes, no = below.sides()
    if yes is None or no is None or no.kind not in ("RsubBackward1", "SubBackward0"):
        return
    other = no.under(0 if no.kind == "RsubBackward1" else 1)
    if no.kind == "SubBackward0" and no.under(0) is not None:
        return
    scores, condition = Held.at(yes, "_saved_result"), Held.at(below, "_saved_condition")
    same = other is not None and other.node is yes.node
    if same and scores is not None and condition is not None and yes.kind == "SigmoidBackward0":
        yield Chosen("binary_cross_entropy", yes.path, (), (), scores, condition)


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

    def is_sure(self, root: Any) -> bool:
        """Labels of two kinds: a single one may as well be a bound to keep a value at."""
        difference = self.difference.of(root)
        if self.scores.of(root).numel() != difference.numel():
            return False
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
        scores, signs, weights = self.read(root)
        if scores.numel() != signs.numel() or weights is not None:
            return False
        return bool((signs.abs() == 1).all())


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
