"""Parameters of which every process holds a part (DTensor): only this process's own is looked at.

A question about the whole is answered by all processes together; one that asks while the others go
on with their training would wait for ever.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

_ORDINARY = frozenset({("torch.nn.parameter", "Parameter"), ("torch", "Tensor")})


def ordinary(tensors: Iterable[Any]) -> bool:
    """Whether all are parameters and tensors as nearly all are: of no class of their own, so none
    is spread over processes or yet to be made. Asking each takes a hundred times as long."""
    return all((kind.__module__, kind.__name__) in _ORDINARY for kind in set(map(type, tensors)))


def is_sharded(tensor: Any) -> bool:
    return hasattr(tensor, "_local_tensor")


def local(tensor: Any) -> Any:
    """The part that this process holds; any other tensor, or None, as it is."""
    return getattr(tensor, "_local_tensor", tensor)
