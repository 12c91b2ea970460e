"""Parameters of which every process holds a part (DTensor): only this process's own is looked at.

A question about the whole is answered by all processes together; one that asks while the others go
on with their training would wait for ever.
"""

from __future__ import annotations

from typing import Any


def is_sharded(tensor: Any) -> bool:
    return hasattr(tensor, "_local_tensor")


def local(tensor: Any) -> Any:
    """The part that this process holds; any other tensor, or None, as it is."""
    return getattr(tensor, "_local_tensor", tensor)
