"""What a backward was called with: the losses among it."""

from __future__ import annotations

from typing import Any

from . import graph, handwritten, reading


def losses(tensors: Any, gradients: Any, torch: Any) -> list[tuple[Any, Any | None]]:
    """(tensor, weights) of each loss among the arguments of `torch.autograd.backward`.

    A loss is a single number, or a vector of losses, which backward is given weights for. Other
    tensors with weights are left out: their gradients come from elsewhere, as those of a block
    that is computed again (activation checkpointing) or of a part on another machine.
    """
    if gradients is None and isinstance(tensors, torch.Tensor):
        known = reading.readable(tensors, torch) and tensors.numel() == 1
        return [(tensors, None)] if known and not tensors.is_complex() else []
    if not isinstance(tensors, (list, tuple)):
        tensors, gradients = (tensors,), (gradients,)
    elif not isinstance(gradients, (list, tuple)) or len(gradients) != len(tensors):
        gradients = (None,) * len(tensors)
    found = []
    for tensor, weights in zip(tensors, gradients, strict=True):
        if not reading.readable(tensor, torch) or tensor.is_complex():
            continue
        if tensor.numel() == 1:
            found.append((tensor, None))
        elif (
            tensor.numel()
            and weights is not None
            and graph.losses(tensor.grad_fn, handwritten.recognise)
        ):
            found.append((tensor, weights))
    return found


def amount(loss: Any, weights: Any | None) -> Any:
    """What the loss comes to, as a tensor with a single number."""
    return loss.detach() if weights is None else (loss.detach() * weights.detach()).sum()
