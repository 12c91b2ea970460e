"""Losses that are written by hand, recognised by the operations they are made of.

What is recognised gives the same numbers as the ready-made loss would. Where anything is in doubt
(a target that no operation has saved, weights that are no weights of classes) the loss is left
alone, and only its value is recorded.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any, Literal

from . import distances, many_classes, two_classes
from .distances import Difference
from .graph import LOSS_NODES, Factors, Path
from .many_classes import Weighed
from .spots import Fetched, Held, Mask, Spot
from .transfer import Transfers
from .two_classes import TwoSided
from .weighed_samples import weighed_samples
from .written import Written, outer_factors

_MOST_BYTES = 16 * 2**20  # of one batch on a device, to be sure by

_Pattern = Callable[[Spot, Any], Iterator[Written]]

_PATTERNS: dict[str, tuple[_Pattern, ...]] = {
    "AddBackward0": (two_classes.two_sided, many_classes.normalizer_minus_picked),
    "SubBackward0": (two_classes.two_sided, many_classes.normalizer_minus_picked),
    "LogBackward0": (many_classes.log_of_picked, two_classes.chosen),
    "GatherBackward0": (many_classes.picked,),
    "IndexBackward0": (many_classes.picked,),
    "MulBackward0": (many_classes.weighed,),
    "PowBackward0": (distances.difference,),
    "AbsBackward0": (distances.difference,),
    "ReluBackward0": (distances.hinge,),
    "ClampBackward1": (distances.hinge,),
    "ClampMinBackward0": (distances.hinge,),
    "MaximumBackward0": (distances.hinge,),
}


def recognise(
    root: Any, path: Path, node: Any, factors: Factors
) -> Written | Literal[False] | None:
    """The loss that this node of the graph stands for, if it surely is one.

    False stands for a built-in loss like any other, None for anything that is no loss of classes.

    Parameters: the root of the backward; the way to the node; the node; the constants that
    everything at or below it is multiplied by.
    """
    kind = type(node).__name__
    try:
        outer = outer_factors(root, factors)
        if kind in LOSS_NODES and not (outer and _weigh_samples(node, outer, root)):
            # of a selection that is not understood nobody knows which samples count
            return None if any(isinstance(held, Mask) for held in outer or ()) else False
        for pattern in _PATTERNS.get(kind, (weighed_samples,) if kind in LOSS_NODES else ()):
            for found in pattern(Spot(path, node), root):
                if outer is not None:
                    found = replace(found, outer=outer)
                    if not found.is_likely(root):
                        return None
                    if on_host(found, root):
                        return made_sure(found, root)
                    # A device is not waited for: its values are looked at later. Distances are
                    # left alone there; the squares in a focal loss are of their form as well.
                    return None if isinstance(found, Difference) else found
    except (LookupError, RuntimeError, TypeError):
        pass  # freed, changed in place since, or not what it looked like
    return None


def _weigh_samples(node: Any, outer: tuple[Held, ...], root: Any) -> bool:
    """Whether there is one factor for each of a built-in loss's values."""
    return all(held.of(root).numel() == node._saved_target.numel() for held in outer)


def made_sure(found: Written, root: Any) -> Written | None:
    """What has the form of a loss, judged by its values; None where these are of something else."""
    if isinstance(found, (TwoSided, Weighed)):
        found = replace(found, plain=found.is_plain(root))
    return found if found.is_sure(root) else None


def on_host(found: Written, root: Any) -> bool:
    tensors = [part for place in found.places() for part in _parts(place.of(root))]
    return all(tensor is None or tensor.is_cpu for tensor in tensors)


def make_sure_later(
    found: Written, root: Any, transfers: Transfers, tell: Callable[[Written | None], None]
) -> bool:
    """`made_sure` of values that are on a device, when they have come; False if they cannot."""
    places = list(dict.fromkeys(found.places()))
    held = [place.of(root) for place in places]
    counts = [len(value) if isinstance(value, (list, tuple)) else None for value in held]

    def arrived(arrays: list[Any]) -> None:
        host = [None if a is None else transfers.torch.from_numpy(a.copy()) for a in arrays]
        fetched, at = Fetched(), 0
        for place, count in zip(places, counts, strict=True):
            fetched[place] = host[at] if count is None else host[at : at + count]
            at += 1 if count is None else count
        try:
            tell(made_sure(found, fetched))
        except (LookupError, RuntimeError, TypeError):
            tell(None)

    parts = [part for value in held for part in _parts(value)]
    if sum(part.nbytes for part in parts if part is not None) > _MOST_BYTES:
        tell(None)
        return True
    copies = [None if part is None else part.detach().clone() for part in parts]
    return transfers.later(copies, arrived)


def _parts(held: Any) -> list[Any]:
    return list(held) if isinstance(held, (list, tuple)) else [held]
