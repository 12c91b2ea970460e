"""Cross entropies over classes that are written by hand: a log-probability picked, or weighed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from .graph import KEEPS_ORDER, Path
from .reading import LossCall
from .spots import Held, Linear, Spot
from .two_classes import term_of
from .written import ROUNDING, Tensors, Written, product, weights_are_sound

_CLAMPS = ("ClampBackward0", "ClampBackward1", "ClampMinBackward0", "ClampMaxBackward0")
_LOG_PROBABILITIES = ("LogSoftmaxBackward0", "LogBackward0", "SubBackward0")
_LEAST = 1e-30  # a probability of zero in float32


@dataclass(frozen=True, slots=True)
class Scores:
    """Scores of all classes; a softmax turns them (or, if `log`, their logarithms) into p."""

    loss: str  # as the ready-made loss of this kind is called
    start: Path
    before: tuple[str, ...]
    held: Held
    log: bool
    dim: int  # of the classes

    def read(self, root: Any) -> Any:
        """(N, K, ...)"""
        scores = self.held.of(root).detach()
        if self.log:
            scores = scores.clamp_min(_LEAST).log()
        return scores.movedim(self.dim, 1) if scores.dim() > 2 and self.dim != 1 else scores


def log_probabilities(spot: Spot) -> Scores | None:
    """Of a node that made log-probabilities, in one of the ways to write them."""
    spot = spot.settled()
    if spot.kind == "LogSoftmaxBackward0":
        held, under = Held.at(spot, "_saved_result"), spot.under()
        if held is None or under is None:
            return None
        return Scores("cross_entropy", under.path, (), held, False, _dim(spot.node._saved_dim))
    if spot.kind == "LogBackward0":
        return _log_of_probabilities(spot)
    left, right = spot.sides() if spot.kind == "SubBackward0" else (None, None)
    if right is None:
        return None
    if left is None:  # something constant minus log-probabilities: a divergence
        return log_probabilities(right)
    scores = normalizer(right)
    below = None if scores is None else _normalized(right, scores)
    return scores if below is not None and below is left.settled().node else None


def _log_of_probabilities(logarithm: Spot) -> Scores | None:
    below = _kept_from_zero(logarithm)
    return None if below is None else probabilities(below)


def _kept_from_zero(logarithm: Spot) -> Spot | None:
    below = logarithm.under()
    while below is not None and (
        below.kind in KEEPS_ORDER
        or below.kind in _CLAMPS
        or (below.kind == "AddBackward0" and below.under(1) is None)
    ):
        below = below.under()
    return below


def probabilities(spot: Spot) -> Scores | None:
    """Of a softmax, the framework's or exp(z) / exp(z).sum()."""
    if spot.kind == "SoftmaxBackward0":
        held = Held.at(spot, "_saved_result")
        if held is None:
            return None
        return Scores("nll", spot.path, ("log",), held, True, _dim(spot.node._saved_dim))
    left, right = spot.sides() if spot.kind == "DivBackward0" else (None, None)
    if left is None or right is None or left.kind != "ExpBackward0":
        return None
    total = right.settled()
    summed = total.under() if total.kind == "SumBackward1" else None
    held, under = Held.at(left, "_saved_result"), left.under()
    if summed is None or summed.node is not left.node or held is None or under is None:
        return None
    return Scores("nll", under.path, ("log", "softmax"), held, True, -1)


def normalizer(spot: Spot) -> Scores | None:
    """Of log sum exp z; the scores are the z."""
    spot = spot.settled()
    if spot.kind == "LogsumexpBackward0" and len(spot.node._saved_dim) == 1:
        held, under = Held.at(spot, "_saved_self"), spot.under()
        if held is None or under is None:
            return None
        dim = _dim(spot.node._saved_dim[0])
        return Scores("cross_entropy", under.path, (), held, False, dim)
    below = spot.under() if spot.kind == "LogBackward0" else None
    below = None if below is None else below.settled()
    below = None if below is None or below.kind != "SumBackward1" else below.under()
    if below is None or below.kind != "ExpBackward0":
        return None
    held, under = Held.at(below, "_saved_result"), below.under()
    if held is None or under is None:
        return None
    return Scores("cross_entropy", under.path, (), held, True, -1)


def _normalized(spot: Spot, scores: Scores) -> Any:
    """The node of the z whose normalizer is at `spot`."""
    node = spot.node
    for index in scores.start[len(spot.path) :]:
        node = node.next_functions[index][0]
    return Spot(scores.start, node).settled().node


def _dim(saved: int) -> int:
    return saved - 2**64 if saved >= 2**63 else saved  # autograd hands it out unsigned


@dataclass(frozen=True, slots=True)
class Picked(Written):
    """The log-probability (or score) of each sample's own class, picked by its index."""

    scores: Scores
    index: Held

    def places(self) -> tuple[Held | Linear, ...]:
        return (self.scores.held, self.index, *self.outer)

    def read(self, root: Any) -> Tensors:
        scores, index = self.scores.read(root), self.index.of(root)
        if isinstance(index, (list, tuple)):
            index = index[-1]
        elif index.dim() == scores.dim():
            dim = self.scores.dim
            index = index.squeeze(dim if dim < 0 else min(dim, index.dim() - 1))
        return Tensors(scores, index, product(self.outer, root))

    def is_sure(self, root: Any) -> bool:
        indices = self.index.of(root)
        if isinstance(indices, (list, tuple)) and not _one_per_row(indices):
            return False
        scores, labels, weights = self.read(root)
        if scores.dim() < 2 or labels.shape != scores.shape[:1] + scores.shape[2:]:
            return False
        if labels.numel() == 1 and weights is None:
            # a single one: an action that was drawn, more often than a batch of one
            return False
        return weights_are_sound(weights, labels, labels.numel())


def _one_per_row(indices: Any) -> bool:
    if len(indices) != 2 or any(index is None or index.dim() != 1 for index in indices):
        return False
    rows = indices[0]
    if rows.dtype.is_floating_point or str(rows.dtype) == "torch.bool":
        return False
    return bool((rows == rows.new_ones(len(rows)).cumsum(0) - 1).all())


def picked(spot: Spot, _: Any) -> Iterator[Written]:
    """log_softmax(z).gather(1, y) or log_softmax(z)[range(n), y]."""
    below = spot.under()
    scores = None if below is None else log_probabilities(below)
    if scores is not None:
        yield from _pick(spot, scores)


def log_of_picked(spot: Spot, _: Any) -> Iterator[Written]:
    """log(softmax(z)[range(n), y])"""
    pick = _kept_from_zero(spot)
    below = pick.under() if pick is not None and pick.kind in PICKS else None
    scores = None if below is None else probabilities(below.settled())
    if scores is not None and pick is not None:
        yield from _pick(pick, scores)


def normalizer_minus_picked(spot: Spot, _: Any) -> Iterator[Written]:
    """logsumexp(z) - z[range(n), y]"""
    left, right = spot.sides()
    if left is None or right is None:
        return
    if spot.kind == "AddBackward0":
        left, right = (right, left) if left.kind == "NegBackward0" else (left, right)
        below = right.under() if right.kind == "NegBackward0" else None
        if below is None:
            return
        right = below
    pick = right.settled()
    of = pick.under() if pick.kind in PICKS else None
    scores = normalizer(left)
    if of is None or scores is None:
        return
    if _normalized(left, scores) is of.settled().node:
        yield from _pick(pick, scores)


def _pick(pick: Spot, scores: Scores) -> Iterator[Written]:
    index = Held.at(pick, PICKS[pick.kind])
    if index is None or (pick.kind == "GatherBackward0" and not _along(pick, scores)):
        return
    yield Picked(scores.loss, scores.start, scores.before, (), scores, index)


PICKS = {"GatherBackward0": "_saved_index", "IndexBackward0": "_saved_indices"}


def _along(gather: Spot, scores: Scores) -> bool:
    """Whether one element is taken along the dimension of the classes."""
    index, dim = gather.node._saved_index, _dim(gather.node._saved_dim)
    size = index.dim()
    return bool(index.shape[dim] == 1 and dim % size == scores.dim % size)


@dataclass(frozen=True, slots=True)
class Weighed(Written):
    """Log-probabilities times a row of targets per sample: one-hot, or probabilities."""

    scores: Scores
    targets: Held
    by_class: tuple[Held, ...]  # weights of the classes
    modulated: bool
    plain: bool = False  # the rows of targets sum to one

    def places(self) -> tuple[Held | Linear, ...]:
        return (self.scores.held, self.targets, *self.by_class, *self.outer)

    def read(self, root: Any) -> Tensors:
        scores, targets = self.scores.read(root), self.targets.of(root)
        if self.scores.dim != 1 and targets.dim() > 2:
            targets = targets.movedim(self.scores.dim, 1)
        weights = product(self.outer, root)
        if not self.plain:
            total = targets.sum(1, keepdim=True)
            targets = targets / total
            total = total.squeeze(1)
            weights = total if weights is None else weights * total
        if self.by_class:
            of_class = (targets * product(self.by_class, root)).sum(1)
            weights = of_class if weights is None else weights * of_class
        return Tensors(scores, targets, weights)

    def is_plain(self, root: Any) -> bool:
        targets = self.targets.of(root)
        return bool(((targets.sum(self.scores.dim) - 1).abs() < ROUNDING).all())

    def is_sure(self, root: Any) -> bool:
        scores, targets, weights = self.read(root)
        if scores.shape != targets.shape or scores.dim() < 2:
            return False
        if bool((targets < 0).any()):
            return False
        hard = bool(((targets == 0) | (targets == 1) | targets.isnan()).all())
        if self.modulated and not hard:
            return False
        if self.plain and not self.outer:
            return True
        if not hard:
            return False
        labels = targets.argmax(1)
        return weights_are_sound(weights, labels, labels.numel())

    def call(self, root: Any) -> LossCall:
        return replace(super(Weighed, self).call(root), loss=f"soft_{self.loss}")


def weighed(spot: Spot, root: Any) -> Iterator[Written]:
    """one_hot * log_softmax(z), and what the framework's losses make of probability targets."""
    term = term_of(spot, _LOG_PROBABILITIES)
    scores = None if term is None else log_probabilities(term.core)
    if term is None or scores is None:
        return
    shape = scores.held.of(root).shape
    whole = tuple(held for held in term.constants if held.of(root).shape == shape)
    others = tuple(h for h in term.constants if h not in whole and h.of(root).numel() > 1)
    if len(whole) != 1 or len(shape) < 2:
        return
    if others and (
        scores.dim not in (1, -1) or any(not _of_classes(h, root, shape) for h in others)
    ):
        return
    if _divergence(term.core, spot, root):
        scores = replace(scores, loss="kl_div")
    yield Weighed(
        scores.loss, scores.start, scores.before, (), scores, whole[0], others, term.modulated
    )


def _divergence(core: Spot, times: Spot, root: Any) -> bool:
    """Whether the targets' own entropy is subtracted, before the product or in it."""
    above = root
    for index in times.path[:-1]:
        above = above.next_functions[index][0]
    return any(
        type(node).__name__ == "SubBackward0" and node.next_functions[0][0] is None
        for node in (core.node, above)
    )


def _of_classes(held: Held, root: Any, shape: Any) -> bool:
    """Whether it is a weight for every class, of scores (N, K)."""
    return len(shape) == 2 and held.of(root).numel() == held.of(root).shape[-1] == shape[-1]
