"""The way from a backward's root to its sites, remembered so that it is walked only once.

A backward that is called at the same place in the code nearly always has the same graph. Following
a remembered path costs a tenth of searching, and the parameter at its end tells whether it holds.
"""

from __future__ import annotations

import weakref
from dataclasses import dataclass
from typing import Any

from . import graph
from .graph import Path
from .sites import Site
from .written import Written

# Of each loss its site, its node, and how it is to be read where it is written by hand.
Found = tuple[Site, Any, Written | None]

_MOST_WAYS = 8  # models that one line of code trains in turn


@dataclass(slots=True)
class Route:
    """From the root to one loss node, and on from there to the head's parameter."""

    to_loss: Path
    kind: str  # class name of the loss node
    to_head: Path
    head: weakref.ref[Any] | None
    site: Site | None  # None where the model is not the one that was asked for
    written: Written | None  # a loss that is written by hand is read from the root
    beside: tuple[str, ...] | None = None  # of several losses of one head: what stands beside it
    # Of a loss of which only the value is seen: the nodes on the way to the head.
    kinds: tuple[str, ...] | None = None

    def follow(self, root: Any) -> Any:
        """The loss node, where this is still the way; else None."""
        node: Any = root
        above: Any = root
        for index in self.to_loss:
            above, node = node, node.next_functions[index][0]
        if self.beside is not None and self.beside != graph.kinds_below(above):
            return None  # one more step of a sequence
        if type(node).__name__ != self.kind or self.head is None:
            return None
        if self.written is not None and not self.written.fits(root):
            return None
        loss: Any = node
        for order, index in enumerate(self.to_head):
            node = node.next_functions[index][0]
            if self.kinds is not None and type(node).__name__ != self.kinds[order]:
                return None
        return loss if node.variable is self.head() else None


class Routes:
    """All known ways, by the place in the code where backward is called (and which loss of it)."""

    def __init__(self) -> None:
        self._ways: dict[tuple[int, ...], list[list[Route]]] = {}

    def follow(self, place: tuple[int, ...], root: Any) -> list[Found] | None:
        """Each loss and its site, where a known way fits the graph; else None."""
        for way in self._ways.get(place, ()):
            found = []
            try:
                for route in way:
                    node = route.follow(root)
                    if node is None:
                        break
                    if route.site is not None:
                        found.append(
                            (route.site, None if route.kinds is not None else node, route.written)
                        )
                else:
                    return found
            except (AttributeError, IndexError):
                continue
        return None

    def only(self, place: tuple[int, ...]) -> Route | None:
        """The latest way at a place, where it leads to one loss."""
        ways = self._ways.get(place)
        return ways[0][0] if ways and len(ways[0]) == 1 else None

    def remember(self, place: tuple[int, ...], way: list[Route]) -> None:
        ways = self._ways.setdefault(place, [])
        ways.insert(0, way)
        del ways[_MOST_WAYS:]
