"""What the nodes of the autograd graph have saved for the backward pass, read without side effects.

A saved tensor may have a hook that unpacks it: activation checkpointing computes a part of the
model anew there, offloading copies from the host. Both are meant to happen once, in the backward
pass, so a tensor with a hook is left alone.
"""

from __future__ import annotations

from typing import Any


def saved(node: Any, name: str) -> Any | None:
    """The tensor that `node` keeps under ``name``; None where there is none that may be read.

    Tensors that were changed in place since, and those that a backward pass has freed, cannot be
    read either.
    """
    try:
        raw = getattr(node, f"_raw_saved_{name}")
        # Before torch 2.6 nothing tells whether there is a hook.
        if raw.unpack_hook is not None:
            return None
        return getattr(node, f"_saved_{name}")
    except (AttributeError, RuntimeError):
        return None
