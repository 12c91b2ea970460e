"""The user's variables: those of the namespace, of frames, and of objects."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from types import FrameType
from typing import Any

_OPTIMIZED = 0x1  # code flag of a function's frame
_SNAPSHOT_REFERENCES = 3  # the frame's own, ours, and the argument of getrefcount


def attributes_of(value: Any) -> dict[str, Any]:
    """An object's own attributes, past any ``__getattr__`` of its class."""
    try:
        found = object.__getattribute__(value, "__dict__")
    except Exception:  # it has none, or hands them out in a way of its own
        return {}
    return found if type(found) is dict else {}


def public(variables: Mapping[str, Any]) -> list[tuple[str, Any]]:
    return [
        (name, value)
        for name, value in list(variables.items())
        if isinstance(name, str) and not name.startswith("_") and name != "self"
    ]


def locals_of(frame: FrameType) -> dict[str, Any]:
    """A copy of the frame's variables, without leaving one behind.

    Up to Python 3.12 reading `f_locals` of a function leaves a dict in the frame that would keep
    the user's tensors alive until the function returns. It is emptied where nobody else holds it.
    """
    snapshot = frame.f_locals
    variables = dict(snapshot)
    if (
        sys.version_info < (3, 13)
        and frame.f_code.co_flags & _OPTIMIZED
        and sys.gettrace() is None
        and sys.getrefcount(snapshot) <= _SNAPSHOT_REFERENCES
    ):
        snapshot.clear()
    return variables
