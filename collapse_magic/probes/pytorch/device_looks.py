"""Full looks at layers whose weights are on a device: the norms are told when they have arrived.

Everything is computed where the weights are, by a handful of calls for all tensors together, and
comes to the host in one copy that nobody waits for.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from ...records import LayerStatistics
from . import layers
from .layers import ModelLook
from .norms import wide
from .transfer import Array, Transfers, capturing

# Copies take the device's memory, of which a training may need all but a little.
_MOST_COPIED = 2**16  # scalars of one parameter

Tell = Callable[[LayerStatistics, bool], None]  # the record, whether a gradient holds a NaN


@dataclass(frozen=True, slots=True)
class _Norms:
    """2-norms of some tensors, on the device; sparse ones have none."""

    count: int
    places: tuple[int, ...] = ()  # of those that have one
    values: tuple[Any, ...] = ()  # all of them, end to end

    def squares(self, arrays: list[Array]) -> Array:
        """Per tensor, from what came of `values`; -1 where there is none."""
        found = np.full(self.count, -1.0)
        if self.places:
            flat = np.concatenate([array.reshape(-1) for array in arrays])
            found[list(self.places)] = np.square(flat, dtype=np.float64)
        return found


@dataclass(slots=True)
class DeviceLook:
    """One look under way: what was measured and kept before the step."""

    look: ModelLook
    gradients: _Norms
    before: list[Any]
    # What a GradScaler tells an optimizer that unscales by itself: what the gradients were
    # multiplied with, and whether one overflowed, so that the step changes nothing.
    scale: Any
    overflow: Any


def on_device(look: ModelLook) -> bool:
    return any(not parameter.is_cpu for parameter in look.parameters)


def begin(look: ModelLook, optimizer: Any, torch: Any) -> DeviceLook | None:
    """Before a step of this optimizer; None where it would get into a graph that is captured."""
    if capturing(torch):
        return None
    gradients = _norms(look.weight_gradients(), torch)
    parts = [None if w is None else _part(w.detach()).clone() for w in look.weights()]
    told = (getattr(optimizer, name, None) for name in ("grad_scale", "found_inf"))
    scale, overflow = (t.clone() if isinstance(t, torch.Tensor) else None for t in told)
    return DeviceLook(look, gradients, parts, scale, overflow)


def end(begun: DeviceLook, step: int, transfers: Transfers, tell: Tell) -> None:
    """After the step: `tell` is called when the numbers have come to the host."""
    torch, look = transfers.torch, begun.look
    weights = [None if w is None else w.detach() for w in look.weights()]
    before = _norms(begun.before, torch)
    kept = [part for part in begun.before if part is not None]
    torch._foreach_sub_(kept, [_part(w) for w in weights if w is not None])
    measured = (begun.gradients, _norms(weights, torch), before, _norms(begun.before, torch))

    def arrived(arrays: list[Array]) -> None:
        scale, overflow = arrays[:2]
        if overflow is not None and overflow.any():
            return
        squares, at = [], 2
        for norms in measured:
            squares.append(norms.squares(arrays[at : at + len(norms.values)]))
            at += len(norms.values)
        gradients = squares[0]
        if scale is not None:
            gradients[gradients > 0] /= float(scale.item()) ** 2
        tell(layers.statistics(look, step, np.stack(squares)), layers.has_nan(gradients))

    norms = [value for norms in measured for value in norms.values]
    transfers.later([begun.scale, begun.overflow, *norms], arrived)


def _part(weight: Any) -> Any:
    return layers.part(weight, _MOST_COPIED)


def _norms(tensors: list[Any], torch: Any) -> _Norms:
    places = [i for i, t in enumerate(tensors) if t is not None and not t.is_sparse]
    if not places:
        return _Norms(len(tensors))
    found = torch._foreach_norm([wide(tensors[i]) for i in places])
    if len({(norm.device, norm.dtype) for norm in found}) == 1:
        found = [torch.stack(found)]
    return _Norms(len(tensors), tuple(places), tuple(found))
