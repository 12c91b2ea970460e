"""What a backward was called with: the losses among it."""

from __future__ import annotations

from typing import Any

from . import graph, reading


def losses(
    args: tuple[Any, ...], kwargs: dict[str, Any], torch: Any
) -> list[tuple[Any, Any | None]]:
    """(tensor, weights) of each loss of a call of `torch.autograd.backward`.

    A loss is a single number, or a vector of losses, which backward is given weights for. Other
    tensors with weights are left out: their gradients come from elsewhere, as those of a block
    that is computed again (activation checkpointing) or of a part on another machine.
    """
    tensors = args[0] if args else kwargs.get("tensors")
    gradients = args[1] if len(args) > 1 else kwargs.get("grad_tensors")
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
        elif tensor.numel() and weights is not None and graph.loss_nodes(tensor.grad_fn):
            found.append((tensor, weights))
    return found


def derived(args: tuple[Any, ...], kwargs: dict[str, Any], torch: Any) -> list[tuple[Any, None]]:
    """The loss of a call of `torch.autograd.grad`, where it is one that is derived."""
    outputs: Any = args[0] if args else kwargs.get("outputs")
    if isinstance(outputs, (list, tuple)):
        outputs = outputs[0] if len(outputs) == 1 else None
    if not reading.readable(outputs, torch) or outputs.numel() != 1:
        return []
    return [(outputs, None)] if graph.loss_nodes(outputs.grad_fn) else []


def amount(loss: Any, weights: Any | None) -> Any:
    """What the loss comes to, as a tensor with a single number."""
    return loss.detach() if weights is None else (loss.detach() * weights.detach()).sum()
