"""Cross entropies over classes that are written by hand: a log-probability picked, or weighed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from ..calls import LossCall
from .log_probabilities import (
    Scores,
    dimension,
    kept_from_zero,
    log_probabilities,
    normalized,
    normalizer,
    probabilities,
)
from .spots import Held, Linear, Spot
from .terms import term_of
from .written import ROUNDING, Tensors, Written, product, weights_are_sound

_LOG_PROBABILITIES = ("LogSoftmaxBackward0", "LogBackward0", "SubBackward0")


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

    def is_likely(self, root: Any) -> bool:
        indices = self.index.of(root)
        if isinstance(indices, (list, tuple)) and not _are_pairs(indices):
            return False
        scores, labels, _ = self.read(root)
        return bool(scores.dim() >= 2 and labels.shape == scores.shape[:1] + scores.shape[2:])

    def is_sure(self, root: Any) -> bool:
        indices = self.index.of(root)
        if isinstance(indices, (list, tuple)) and not _one_per_row(indices[0]):
            return False
        _, labels, weights = self.read(root)
        if labels.numel() == 1 and weights is None:
            # a single one: an action that was drawn, more often than a batch of one
            return False
        return weights_are_sound(weights, labels, labels.numel())


def _are_pairs(indices: Any) -> bool:
    """(rows, columns), no masks"""
    return len(indices) == 2 and not any(
        index is None or index.dim() != 1 or str(index.dtype) == "torch.bool" for index in indices
    )


def _one_per_row(rows: Any) -> bool:
    return bool((rows == rows.new_ones(len(rows)).cumsum(0) - 1).all())


def picked(spot: Spot, _: Any) -> Iterator[Written]:
    """log_softmax(z).gather(1, y) or log_softmax(z)[range(n), y]."""
    below = spot.under()
    scores = None if below is None else log_probabilities(below)
    if scores is not None:
        yield from _pick(spot, scores)


def log_of_picked(spot: Spot, _: Any) -> Iterator[Written]:
    """log(softmax(z)[range(n), y])"""
    pick = kept_from_zero(spot)
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
    if normalized(left, scores) is of.settled().node:
        yield from _pick(pick, scores)


def _pick(pick: Spot, scores: Scores) -> Iterator[Written]:
    index = Held.at(pick, PICKS[pick.kind])
    if index is None or (pick.kind == "GatherBackward0" and not _along(pick, scores)):
        return
    yield Picked(scores.loss, scores.start, scores.before, (), scores, index)


PICKS = {"GatherBackward0": "_saved_index", "IndexBackward0": "_saved_indices"}


def _along(gather: Spot, scores: Scores) -> bool:
    """Whether one element is taken along the dimension of the classes."""
    index, dim = gather.node._saved_index, dimension(gather.node._saved_dim)
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

    def is_likely(self, root: Any) -> bool:
        scores, targets, _ = self.read(root)
        return bool(scores.shape == targets.shape)

    def is_sure(self, root: Any) -> bool:
        _, targets, weights = self.read(root)
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
