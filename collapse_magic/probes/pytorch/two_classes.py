"""Cross entropies of two classes (or of several labels, each yes or no) written by hand."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from .graph import KEEPS_ORDER
from .spots import Held, Linear, Spot
from .terms import CLAMPS, Term, term_of
from .written import ROUNDING, Tensors, Written, product, weights_are_sound

_LOGARITHMS = ("LogBackward0", "Log1PBackward0", "LogSigmoidBackward0")


@dataclass(frozen=True, slots=True)
class _Side:
    """Constants times log p, or times log(1 - p)."""

    term: Term
    logarithm: Held
    base: Spot  # what made p, or the logits
    complement: bool  # 1 - p
    shifted: bool  # a small number was added

    @property
    def of_logits(self) -> bool:
        return self.logarithm.kind == "LogSigmoidBackward0"


def _side(spot: Spot | None) -> _Side | None:
    term = None if spot is None else term_of(spot, _LOGARITHMS)
    if term is None or not term.constants:
        return None
    logarithm = Held.at(term.core, "_saved_self")
    at, complement, shifted = term.core.under(), False, False
    while at is not None and logarithm is not None:
        left = at.under()
        if at.kind in KEEPS_ORDER or at.kind in CLAMPS:
            at = left
        elif at.kind == "AddBackward0" and at.under(1) is None:
            at, shifted = left, True
        elif at.kind == "RsubBackward1" or (at.kind == "SubBackward0" and left is None):
            at, complement = left or at.under(1), not complement
        elif at.kind == "NegBackward0" and term.core.kind != "LogBackward0":
            at, complement = left, not complement
        else:
            return _Side(term, logarithm, at, complement, shifted)
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
        _, targets, weights = self.read(root)
        missing = targets.isnan()
        if targets.dim() > 1 and not bool((missing == missing[:, :1]).all()):
            return False  # only some of a sample's questions are asked, as of a survival curve
        hard = targets[(targets != 0) & (targets != 1)]
        if bool(hard.isnan().all()):
            return weights is None or weights_are_sound(weights, targets, targets.numel())
        # weights of the sides cannot be told from soft labels
        return self.plain and not self.modulated and weights is None


def two_sided(spot: Spot, _: Any) -> Iterator[Written]:
    """The sum or difference of both sides, in either order."""
    yes, no = map(_side, spot.sides())
    if yes is None or no is None or yes.complement == no.complement:
        return
    if yes.complement:
        yes, no = no, yes
    if not _is_same(yes.base, no.base) or yes.of_logits != no.of_logits:
        return
    scores, shifted = yes.logarithm, yes.shifted
    if yes.base.kind == "SigmoidBackward0":
        # as they were before anything was added or cut off
        result = Held.at(yes.base, "_saved_result")
        if result is not None and _alike(yes.base.node._saved_result, yes.term.core.node):
            scores, shifted = result, False
    yield TwoSided(
        loss="binary_cross_entropy_with_logits" if yes.of_logits else "binary_cross_entropy",
        start=yes.base.path,
        before=(),
        outer=(),
        scores=scores,
        shifted=shifted,
        logarithms=(yes.logarithm, no.logarithm),
        ones=yes.term.constants,
        zeros=no.term.constants,
        same_sign=(yes.term.sign == no.term.sign) == (spot.kind == "AddBackward0"),
        modulated=yes.term.modulated or no.term.modulated,
    )


def _alike(p: Any, logarithm: Any) -> bool:
    return bool(p.shape == logarithm._saved_self.shape)


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
        _, targets, weights = self.read(root)
        return weights_are_sound(weights, targets, targets.numel())


def chosen(spot: Spot, _: Any) -> Iterator[Written]:
    below = spot.under()
    while below is not None and (below.kind in KEEPS_ORDER or below.kind in CLAMPS):
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
