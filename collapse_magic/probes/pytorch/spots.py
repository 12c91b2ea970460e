"""Places in the autograd graph below a loss, and what their nodes hold.

A `Spot` is a node and the way to it from the loss; a `Held` is that way remembered, so that the
same tensor is found again in the next batch's graph.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple, Self

from .graph import KEEPS_ORDER, Path


class Spot(NamedTuple):
    """A node of the graph and the way to it from the root."""

    path: Path
    node: Any

    @property
    def kind(self) -> str:
        return type(self.node).__name__

    def under(self, index: int = 0) -> Spot | None:
        """The node that made argument `index`; None where that needs no gradient."""
        functions = self.node.next_functions
        below = functions[index][0] if index < len(functions) else None
        return None if below is None else Spot((*self.path, index), below)

    def sides(self) -> tuple[Spot | None, Spot | None]:
        """Of an operation with two arguments."""
        return self.under(0), self.under(1)

    def settled(self) -> Spot:
        """The first spot from here downwards that does more than to reshape or cast."""
        spot = self
        while spot.kind in KEEPS_ORDER:
            below = spot.under()
            if below is None:
                break
            spot = below
        return spot


class Fetched(dict[Any, Any]):
    """Tensors of one graph by where they were held, in the place of its root: host copies."""


@dataclass(frozen=True, slots=True)
class Held:
    """Something that a node of the graph has saved."""

    path: Path
    kind: str
    attribute: str

    @classmethod
    def at(cls, spot: Spot, attribute: str) -> Self | None:
        """None where it is not saved, or where getting at it would run code of somebody's.

        Activation checkpointing computes a saved tensor anew when it is asked for.
        """
        raw = getattr(spot.node, f"_raw{attribute}", None)
        parts = raw if isinstance(raw, tuple) else (raw,)
        if any(getattr(part, "unpack_hook", None) is not None for part in parts):
            return None
        if getattr(spot.node, attribute, None) is None:
            return None
        return cls(spot.path, spot.kind, attribute)

    def of(self, root: Any) -> Any:
        """LookupError where the graph is another one now."""
        if isinstance(root, Fetched):
            return root[self]
        found: Any = getattr(_node_at(self.path, self.kind, root), self.attribute)
        return found

    def fits(self, root: Any) -> bool:
        return _fits(self, root)


@dataclass(frozen=True, slots=True)
class Mask(Held):
    """Which values an operation lets through, true for these."""

    inverted: bool = False

    def of(self, root: Any) -> Any:
        """LookupError also where values are chosen by their places."""
        found = Held.of(self, root)
        if isinstance(root, Fetched):
            return found
        if isinstance(found, (list, tuple)):
            if len(found) != 1 or found[0] is None:
                raise LookupError(self.attribute)
            found = found[0]
        if str(found.dtype) != "torch.bool":
            raise LookupError(self.attribute)
        return ~found if self.inverted else found


@dataclass(frozen=True, slots=True)
class Linear:
    """The output of a linear layer, which nothing has saved: computed once more."""

    path: Path
    kind: str

    # Multiplications: a head of a few thousand weights, never one for a vocabulary.
    MOST = 2**20

    @classmethod
    def at(cls, spot: Spot) -> Linear | None:
        if spot.kind != "AddmmBackward0":
            return None
        rows, weight = Held.at(spot, "_saved_mat1"), spot.under(2)
        bias, leaf = spot.under(0), None if weight is None else weight.under()
        if rows is None or bias is None or leaf is None or weight is None:
            return None
        if weight.kind != "TBackward0" or (bias.kind, leaf.kind) != ("AccumulateGrad",) * 2:
            return None
        if spot.node._saved_mat1.numel() * leaf.node.variable.shape[0] > cls.MOST:
            return None
        return cls(spot.path, spot.kind)

    def of(self, root: Any) -> Any:
        if isinstance(root, Fetched):
            return root[self]
        node = _node_at(self.path, self.kind, root)
        bias = node.next_functions[0][0].variable.detach()
        weight = node.next_functions[2][0].next_functions[0][0].variable.detach()
        return bias.addmm(node._saved_mat1.detach(), weight.t())

    def fits(self, root: Any) -> bool:
        return _fits(self, root)


def output_of(spot: Spot | None) -> Held | Linear | None:
    """What came out of an operation, as far as its node tells."""
    if spot is None:
        return None
    spot = spot.settled()
    return Held.at(spot, "_saved_result") or Linear.at(spot)


def _fits(place: Held | Linear, root: Any) -> bool:
    try:
        _node_at(place.path, place.kind, root)
    except LookupError:
        return False
    return True


def _node_at(path: Path, kind: str, root: Any) -> Any:
    node: Any = root
    for index in path:
        if node is None:
            raise LookupError(path)
        node = node.next_functions[index][0]
    if type(node).__name__ != kind:
        raise LookupError(kind)
    return node
