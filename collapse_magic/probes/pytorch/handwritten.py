"""Losses that are written by hand, recognised by the operations they are made of.

What is recognised gives the same numbers as the ready-made loss would. Where anything is in doubt
(a target that no operation has saved, weights that are no weights of classes) the loss is left
alone, and only its value is recorded.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

from . import many_classes, two_classes
from .graph import Factors, Path
from .many_classes import Weighed
from .spots import Spot
from .two_classes import TwoSided
from .written import Written, outer_factors

_Pattern = Callable[[Spot, Any], Iterator[Written]]

_PATTERNS: dict[str, tuple[_Pattern, ...]] = {
    "AddBackward0": (two_classes.two_sided, many_classes.normalizer_minus_picked),
    "SubBackward0": (two_classes.two_sided, many_classes.normalizer_minus_picked),
    "LogBackward0": (many_classes.log_of_picked, two_classes.chosen),
    "GatherBackward0": (many_classes.picked,),
    "IndexBackward0": (many_classes.picked,),
    "MulBackward0": (many_classes.weighed,),
    "PowBackward0": (two_classes.difference,),
    "AbsBackward0": (two_classes.difference,),
    "ReluBackward0": (two_classes.hinge,),
    "ClampBackward1": (two_classes.hinge,),
    "ClampMinBackward0": (two_classes.hinge,),
    "MaximumBackward0": (two_classes.hinge,),
}


def recognise(root: Any, path: Path, node: Any, factors: Factors) -> Written | None:
    """The loss that this node of the graph stands for, if it surely is one.

    Parameters: the root of the backward; the way to the node; the node; the constants that
    everything at or below it is multiplied by.
    """
    for pattern in _PATTERNS.get(type(node).__name__, ()):
        try:
            for found in pattern(Spot(path, node), root):
                outer = outer_factors(root, factors)
                if outer is not None:
                    return _made_sure(replace(found, outer=outer), root)
        except (LookupError, RuntimeError, TypeError):
            continue  # freed, changed in place since, or not what it looked like
    return None


def _made_sure(found: Written, root: Any) -> Written | None:
    """On a device nothing is looked at, for that would wait for it: the form alone has to do."""
    if not all(_on_cpu(place.of(root)) for place in found.places()):
        return found
    if isinstance(found, (TwoSided, Weighed)):
        found = replace(found, plain=found.is_plain(root))
    return found if found.is_sure(root) else None


def _on_cpu(held: Any) -> bool:
    parts = held if isinstance(held, (list, tuple)) else (held,)
    return all(part is None or part.is_cpu for part in parts)
