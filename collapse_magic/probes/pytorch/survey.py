"""The graph below a loss, walked once: leaves, activations, and where inputs enter.

The whole graph has thousands of nodes. What is to be looked at again is kept with its way from the
root, so that later only the nodes on these ways are visited.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Any

_MOST_NODES = 20_000
_MOST_SPOTS = 64  # activations; of more, evenly spaced ones are kept
_MOST_ENTRIES = 4
_MOST_BELOW = 64  # nodes between an activation and the parameter nearest below it

# Class of the node -> name of the activation, and what the node saved: its output or its input.
_ACTIVATIONS = {
    "ReluBackward0": ("relu", "result"),
    "HardtanhBackward0": ("hardtanh", "self"),
    "LeakyReluBackward0": ("leaky_relu", "self"),
    "PreluKernelBackward0": ("prelu", "self"),
    "EluBackward0": ("elu", "self"),
    "CeluBackward0": ("celu", "self"),
    "GeluBackward0": ("gelu", "self"),
    "SiluBackward0": ("silu", "self"),
    "MishBackward0": ("mish", "self"),
    "HardswishBackward0": ("hardswish", "self"),
    "HardsigmoidBackward0": ("hardsigmoid", "self"),
    "SoftplusBackward0": ("softplus", "self"),
    "TanhBackward0": ("tanh", "result"),
    "SigmoidBackward0": ("sigmoid", "result"),
    "SoftmaxBackward0": ("softmax", "result"),
}
# Class of the node -> what it saved of its input, and which of its edges leads there.
_ENTRIES = {
    "AddmmBackward0": ("mat1", 1),
    "MmBackward0": ("self", 0),
    "LinearBackward0": ("input", 0),
    "ConvolutionBackward0": ("input", 0),
    "NativeBatchNormBackward0": ("input", 0),
    "CudnnBatchNormBackward0": ("input", 0),
    "NativeLayerNormBackward0": ("input", 0),
    "MkldnnRnnLayerBackward0": ("input", 0),
    "CudnnRnnBackward0": ("input", 0),
    "EmbeddingBackward0": ("indices", 1),
    "EmbeddingBagBackward0": ("indices", 1),
}
_WITHOUT_EDGE = frozenset({"EmbeddingBackward0", "EmbeddingBagBackward0"})  # for their input
_LEAF = "AccumulateGrad"
_WANTED = frozenset({_LEAF, *_ACTIVATIONS, *_ENTRIES})
_CHANNELS = ("Convolution", "NativeBatchNorm", "CudnnBatchNorm", "NativeGroupNorm")


@dataclass(frozen=True, slots=True)
class Spot:
    """A node that is worth coming back to."""

    row: int  # among the nodes that `follow` visits
    node: str  # class name of the node
    kind: str  # of the activation; "" where an input enters
    saves: str  # name of the saved tensor
    parameter: int  # id of the parameter nearest below; 0 if there is none
    channels: bool  # the units stand in the second dimension, as convolutions give them


@dataclass(frozen=True, slots=True)
class Survey:
    """Activations and entries in forward order, and the way to each of them."""

    rows: tuple[tuple[int, int], ...]  # (row of the node above, which of its edges)
    activations: tuple[Spot, ...]
    entries: tuple[Spot, ...]

    def follow(self, root: Any) -> list[Any] | None:
        """The nodes of all rows below this root; None where the graph is another one."""
        nodes = [root]
        try:
            for above, edge in self.rows:
                nodes.append(nodes[above].next_functions[edge][0])
        except (AttributeError, IndexError):
            return None
        for spots in (self.activations, self.entries):
            if any(type(nodes[spot.row]).__name__ != spot.node for spot in spots):
                return None
        return nodes


def survey(root: Any) -> tuple[Survey, list[Any], list[Any]]:
    """What stands below the root, the nodes of its rows, and the leaves that ask for a gradient."""
    nodes, names, origins, ends, leaves = _walk(root)
    activations: list[int] = []
    entries: list[int] = []
    for place, name in names:
        if name in _ACTIVATIONS:
            activations.append(place)
        elif (place in ends or name in _WITHOUT_EDGE) and _is_entry(
            nodes[place], _ENTRIES[name][1]
        ):
            entries.append(place)
    activations.sort(key=lambda place: nodes[place]._sequence_nr())
    entries.sort(key=lambda place: nodes[place]._sequence_nr())
    step = -(-len(activations) // _MOST_SPOTS) or 1
    activations, entries = activations[::step], entries[:_MOST_ENTRIES]
    rows, row_of = _ways([*activations, *entries], origins)
    found = Survey(
        rows,
        tuple(_spot(nodes[place], row_of[place], _ACTIVATIONS) for place in activations),
        tuple(_spot(nodes[place], row_of[place], None) for place in entries),
    )
    return found, [nodes[place] for place in row_of], leaves


def _walk(
    root: Any,
) -> tuple[list[Any], list[tuple[int, str]], list[tuple[int, int]], set[int], list[Any]]:
    """All nodes from the root downwards but for the leaves.

    Returns the nodes; (place, class name) of those that may be of interest; of each node the place
    of the one above and its edge; the places of those that have an edge which leads nowhere; and
    the leaves' tensors. A model of a thousand parameters has as many nodes again, so every call in
    here counts.
    """
    nodes, origins, seen = [root], [(-1, 0)], {root}
    wanted: list[tuple[int, str]] = []
    leaves: list[Any] = []
    ends: set[int] = set()
    kinds: dict[type, str] = {}  # of the thousands of nodes there are a few dozen kinds
    for place, node in enumerate(nodes):  # which grow meanwhile
        kind = type(node)
        name = kinds.get(kind)
        if name is None:
            name = kinds[kind] = kind.__name__ if kind.__name__ in _WANTED else ""
        if name == _LEAF:
            leaves.append(node.variable)
            continue
        if name:
            wanted.append((place, name))
        edge = -1
        for below, _ in node.next_functions:
            edge += 1
            if below is None:
                ends.add(place)
            elif below not in seen:
                seen.add(below)
                if kinds.get(type(below)) == _LEAF:
                    leaves.append(below.variable)
                else:
                    nodes.append(below)
                    origins.append((place, edge))
        if len(seen) >= _MOST_NODES:
            break
    return nodes, wanted, origins, ends, leaves


def _is_entry(node: Any, edge: int) -> bool:
    """Whether no operation of the graph has made what this layer was given."""
    edges = node.next_functions
    return edge >= len(edges) or edges[edge][0] is None


def _ways(
    places: list[int], origins: list[tuple[int, int]]
) -> tuple[tuple[tuple[int, int], ...], dict[int, int]]:
    """The steps that lead from the root to these places, and the row in which each is reached."""
    needed = {0}
    for place in places:
        at = place
        while at not in needed:
            needed.add(at)
            at = origins[at][0]
    rows: list[tuple[int, int]] = []
    row_of = {0: 0}
    for place in sorted(needed - {0}):  # what is above comes first
        above, edge = origins[place]
        rows.append((row_of[above], edge))
        row_of[place] = len(rows)
    return tuple(rows), row_of


def _spot(node: Any, row: int, activations: dict[str, tuple[str, str]] | None) -> Spot:
    name = type(node).__name__
    kind, saves = activations[name] if activations else ("", _ENTRIES[name][0])
    if name == "HardtanhBackward0" and node._saved_min_val == 0:
        kind = "relu6"
    return Spot(row, name, kind, saves, *nearest_parameter(node))


def nearest_parameter(node: Any) -> tuple[int, bool]:
    """Id of the parameter nearest below (0: there is none), and whether its layer has channels."""
    queue, seen = deque([node]), {node}
    while queue and len(seen) < _MOST_BELOW:
        above = queue.popleft()
        for below, _ in above.next_functions:
            if below is None or below in seen:
                continue
            if type(below).__name__ == _LEAF:
                return id(below.variable), type(above).__name__.startswith(_CHANNELS)
            seen.add(below)
            queue.append(below)
    return 0, False
