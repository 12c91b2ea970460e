"""Scale of the activations, and units that are never anything but zero.

The outputs stand in the graph until the backward pass has run. At a full look a part of each is
taken: whether a unit was zero all the time is gathered over many looks.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

from numpy.typing import NDArray

from ...records import ActivationStatistics
from ..dead_units import ZERO_BELOW, UnitsWindow
from .saved import saved
from .survey import Spot

# What one look takes of one activation; larger outputs are looked at in evenly spaced parts.
_MOST_TAKEN = 2**14  # scalars
_MOST_UNITS = 1024
_MOST_NODES = 4  # of one layer and kind, as in a recurrent net
_MOST_SITES_A_LOOK = 16  # of more the looks take turns

Array = NDArray[Any]
Key = tuple[str, str]  # the layer below an activation, and its kind
Group = tuple[Key, list[Spot]]


class Activations:
    """The activations of one model, whatever loss they are met under."""

    def __init__(self, model: str) -> None:
        self.model = model
        self._windows: dict[Key, UnitsWindow] = {}
        self._turn = 0

    def groups(self, spots: Sequence[tuple[Spot, str]]) -> list[Group]:
        """Spots (with the name of their layer) put together by layer and kind."""
        groups: dict[Key, list[Spot]] = {}
        for spot, layer in spots:
            groups.setdefault((layer, spot.kind), []).append(spot)
        for key in groups:
            self._windows.setdefault(key, UnitsWindow())
        return [(key, _spread(found, _MOST_NODES)) for key, found in groups.items()]

    def take(
        self,
        groups: list[Group],
        nodes: list[Any],
        torch: Any,
    ) -> tuple[list[Any], Callable[[int, list[Array]], ActivationStatistics]] | None:
        """Tensors to be fetched, and what makes a record of (step, their values).

        Parameters: the groups as `groups` gave them, and the nodes of the survey's rows.
        """
        if len(groups) > _MOST_SITES_A_LOOK:
            first = self._turn % len(groups)
            self._turn += _MOST_SITES_A_LOOK
            groups = [*groups[first:], *groups[:first]][:_MOST_SITES_A_LOOK]
        blocks: list[Any] = []
        highest: list[Any] = []
        taken: list[tuple[Key, int]] = []  # activation, units (0: no units are counted)
        for key, spots in groups:
            for spot in spots:
                tensor = saved(nodes[spot.row], spot.saves)
                if tensor is None or tensor.numel() == 0 or tensor.dim() < 1:
                    continue
                block, axis = _part(tensor.detach(), spot.channels)
                block = block.float()  # half precision would overflow, and NumPy lacks some of it
                blocks.append(block)
                units = 0
                if spot.kind in ZERO_BELOW and block.dim() > 1:
                    units = block.shape[axis]
                    others = [d for d in range(block.dim()) if d != axis]
                    highest.append(block.amax(others))
                taken.append((key, units))
        if not blocks:
            return None
        sizes = [block.numel() for block in blocks]
        norms = torch.stack(torch._foreach_norm(blocks))
        fetched = [norms, torch.cat(highest)] if highest else [norms]

        def record(step: int, arrays: list[Array]) -> ActivationStatistics:
            return self._record(step, taken, sizes, arrays)

        return fetched, record

    def _record(
        self, step: int, taken: list[tuple[Key, int]], sizes: list[int], arrays: list[Array]
    ) -> ActivationStatistics:
        squares: dict[Key, float] = {}
        counts: dict[Key, int] = {}
        at = 0
        for (key, units), size, norm in zip(taken, sizes, arrays[0].tolist(), strict=True):
            squares[key] = squares.get(key, 0.0) + norm * norm
            counts[key] = counts.get(key, 0) + size
            if units:
                part = arrays[1][at : at + units].copy()
                at += units
                self._windows[key].add(part, size // units)
        return ActivationStatistics(
            model=self.model,
            step=step,
            layers=tuple(layer for layer, _ in self._windows),
            kinds=tuple(kind for _, kind in self._windows),
            rms=tuple(
                math.sqrt(squares[key] / counts[key]) if key in squares else math.nan
                for key in self._windows
            ),
            dead=tuple(window.dead for window in self._windows.values()),
            seen=tuple(window.values for window in self._windows.values()),
        )


def _part(tensor: Any, channels: bool) -> tuple[Any, int]:
    """A part of an output, still a view, and which of its dimensions are the units."""
    axis = 1 if tensor.dim() > 3 or (channels and tensor.dim() > 1) else tensor.dim() - 1
    if tensor.shape[axis] > _MOST_UNITS:
        tensor = tensor.narrow(axis, 0, _MOST_UNITS)
    for dimension in (d for d in range(tensor.dim()) if d != axis):
        size = tensor.numel()
        if size <= _MOST_TAKEN:
            break
        step = min(-(-size // _MOST_TAKEN), tensor.shape[dimension])
        tensor = tensor[(slice(None),) * dimension + (slice(None, None, step),)]
    return tensor, axis


def _spread(spots: list[Spot], most: int) -> list[Spot]:
    return spots[:: -(-len(spots) // most)]
