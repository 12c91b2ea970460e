"""Which head a loss trains, and how the losses of one backward are told apart."""

from __future__ import annotations

from collections import Counter
from typing import Any

from . import graph
from .graph import Loss, Path
from .written import Written

# More losses of one kind at one head than anybody writes down: they come from a loop.
_MOST_OF_ONE_HEAD = 4


def head_of(root: Any, node: Any, written: Written | None) -> tuple[Path, Any]:
    """The head's parameter, and the way to it from the loss node (from the root, if written)."""
    if written is None:
        return graph.head_parameter(root if node is None else node)
    path, head = graph.head_parameter(written.below(root))
    return written.start + path, head


def orders(losses: list[Loss], owners: list[tuple[Path, Any]]) -> list[tuple[str, int]]:
    """What tells losses of one root and one head apart: their kind, and which of these it is.

    Losses in a loop over the steps of a sequence are all of one site.
    """
    kinds = [
        (type(node).__name__ if written is None else written.loss, id(head))
        for (_, node, written), (_, head) in zip(losses, owners, strict=True)
    ]
    counts = Counter(kinds)
    seen: Counter[tuple[str, int]] = Counter()
    found = []
    for kind in kinds:
        found.append((kind[0], seen[kind] if counts[kind] <= _MOST_OF_ONE_HEAD else 0))
        seen[kind] += 1
    return found
