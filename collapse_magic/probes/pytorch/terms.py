"""A product of the graph, taken apart: its constants, and the one factor that matters."""

from __future__ import annotations

from dataclasses import dataclass

from .graph import KEEPS_ORDER
from .spots import Held, Spot

CLAMPS = ("ClampBackward0", "ClampBackward1", "ClampMinBackward0", "ClampMaxBackward0")
_REDUCING = KEEPS_ORDER | {"MeanBackward0", "MeanBackward1", "SumBackward0", "SumBackward1"}
# What a focal loss multiplies its logarithms by.
_MODULATING = ("PowBackward0", "RsubBackward1", "SubBackward0", "SigmoidBackward0", "ExpBackward0")


@dataclass(frozen=True, slots=True)
class Term:
    """A product, taken apart."""

    sign: int
    constants: tuple[Held, ...]
    core: Spot
    modulated: bool


def term_of(spot: Spot, cores: tuple[str, ...]) -> Term | None:
    """The product at or below `spot` that has exactly one factor of the kinds `cores`."""
    sign, constants, found = 1, [], []
    stack: list[Spot | None] = [spot]
    modulated = False
    while stack:
        at = stack.pop()
        if at is None:
            return None
        if at.kind == "NegBackward0":
            sign = -sign
            stack.append(at.under())
        elif at.kind in _REDUCING:
            stack.append(at.under())
        elif at.kind == "MulBackward0":
            for side, name in enumerate(("_saved_self", "_saved_other")):
                below = at.under(side)
                if below is not None:
                    stack.append(below)
                    continue
                held = Held.at(at, name)
                if held is None:
                    return None
                constants.append(held)
        elif at.kind in cores:
            found.append(at)
        elif at.kind in _MODULATING:
            modulated = True
        else:
            return None
    return Term(sign, tuple(constants), found[0], modulated) if len(found) == 1 else None
