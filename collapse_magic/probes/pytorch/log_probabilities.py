"""Where the log-probabilities of all classes stand, in the ways people write them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from .graph import KEEPS_ORDER, Path
from .spots import Held, Spot
from .terms import CLAMPS

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
        return Scores("cross_entropy", under.path, (), held, False, dimension(spot.node._saved_dim))
    if spot.kind == "LogBackward0":
        return _log_of_probabilities(spot)
    left, right = spot.sides() if spot.kind == "SubBackward0" else (None, None)
    if right is None:
        return None
    if left is None:  # something constant minus log-probabilities: a divergence
        return log_probabilities(right)
    scores = normalizer(right)
    below = None if scores is None else normalized(right, scores)
    return scores if below is not None and below is left.settled().node else None


def _log_of_probabilities(logarithm: Spot) -> Scores | None:
    below = kept_from_zero(logarithm)
    return None if below is None else probabilities(below)


def kept_from_zero(logarithm: Spot) -> Spot | None:
    below = logarithm.under()
    while below is not None and (
        below.kind in KEEPS_ORDER
        or below.kind in CLAMPS
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
        return Scores("nll", spot.path, ("log",), held, True, dimension(spot.node._saved_dim))
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
        dim = dimension(spot.node._saved_dim[0])
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


def normalized(spot: Spot, scores: Scores) -> Any:
    """The node of the z whose normalizer is at `spot`."""
    node = spot.node
    for index in scores.start[len(spot.path) :]:
        node = node.next_functions[index][0]
    return Spot(scores.start, node).settled().node


def dimension(saved: int) -> int:
    return saved - 2**64 if saved >= 2**63 else saved  # autograd hands it out unsigned
