"""Attributes replaced for a while, and put back exactly as they were."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

_INHERITED = object()


class Patches:
    """A stack of replaced attributes; `restore` takes them back in reverse order.

    An attribute that the owner had only inherited is deleted again, not set. One that somebody
    else has replaced since is left alone: the replacement still calls ours, so ours must be a
    plain pass-through once its probe is gone.
    """

    def __init__(self) -> None:
        self._entries: list[tuple[Any, str, Any, Any]] = []

    def replace(self, owner: Any, name: str, make: Callable[[Any], Any]) -> Any:
        """Put ``make(original)`` in the place of ``owner.name``; returns the replacement."""
        before = vars(owner).get(name, _INHERITED)
        replacement = make(getattr(owner, name))
        setattr(owner, name, replacement)
        self._entries.append((owner, name, before, replacement))
        return replacement

    def restore(self) -> None:
        while self._entries:
            owner, name, before, replacement = self._entries[-1]
            if vars(owner).get(name) is replacement:
                if before is _INHERITED:
                    delattr(owner, name)
                else:
                    setattr(owner, name, before)
            self._entries.pop()  # only now: where this is interrupted, the next call goes on
