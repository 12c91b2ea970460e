"""Traces that would not have been made without us: of what had been traced before.

How long one takes is cost: it is what the execution that traces takes longer than the next one.
"""

from __future__ import annotations

import weakref
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .probe import KerasProbe

# Executions that are timed: one traces, the next tells what it takes without that.
_TIMED = 2
# What watched runs have traced in the place of the user's functions, which would be traced by now.
_in_their_place: weakref.WeakKeyDictionary[Any, set[str]] = weakref.WeakKeyDictionary()


class Retrace:
    """Times the first executions of a function, where it had been traced before.

    Attributes
        left: executions that are still to be timed.
    """

    __slots__ = ("left",)

    def __init__(self, traced_before: bool = False) -> None:
        self.left = _TIMED if traced_before else 0

    def took(self, probe: KerasProbe, seconds: float) -> None:
        """How long one of these executions took."""
        probe.traced_anew(seconds if self.left == _TIMED else -seconds)
        self.left -= 1


def of_function(function: Any) -> Retrace:
    """For a compiled function of the user's that is about to be traced in its place."""
    return Retrace(_known(function, "") or bool(function.experimental_get_tracing_count()))


def of_model(model: Any, name: str, before: Any) -> Retrace:
    """For a function of a model that is about to be made, where this one stood before.

    A model that is compiled again has its functions traced anew by itself: it has another tracker
    of its loss from then on.
    """
    tracker = getattr(model, "_loss_tracker", None)
    known = tracker is not None and _known(tracker, name)
    return Retrace(known or before is not None)


def _known(owner: Any, name: str) -> bool:
    """Whether a watched run has traced this before; from now on one has."""
    names = _in_their_place.setdefault(owner, set())
    known = name in names
    names.add(name)
    return known
