"""What a loss node of the graph saved: shapes as the user passed them, and the values."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..calls import MOST_SAMPLES, LossCall
from ..tasks import DISTANCE_LOSSES, INDEX_LOSSES, SOFT_LOSSES
from . import graph

Array = NDArray[Any]

_WITHOUT_VALUES = frozenset({"FakeTensor", "FunctionalTensor", "DTensor"})


def readable(value: Any, torch: Any) -> bool:
    """Whether it is a tensor with values: compilers and transforms trace with tensors without."""
    return (
        isinstance(value, torch.Tensor)
        and type(value).__name__ not in _WITHOUT_VALUES
        and not value.is_meta
        and not torch._C._are_functorch_transforms_active()
    )


def read_call(node: Any) -> LossCall:
    """Everything about a loss node but the values of its batch."""
    loss = graph.LOSS_NODES[type(node).__name__]
    scores, targets = node._saved_self, node._saved_target
    start = graph.below(node)
    input_shape, target_shape = tuple(scores.shape), tuple(targets.shape)
    broadcast = False
    if loss == "nll":
        input_shape, target_shape = _sequence_shapes(node, input_shape, target_shape)
        made_by = graph.made_by_log_softmax(node)
        if made_by is not None:
            loss, start = "cross_entropy", graph.below(made_by)
    elif loss in DISTANCE_LOSSES:
        input_shape, target_shape = _before_broadcast(scores), _before_broadcast(targets)
        size = math.prod(scores.shape)
        broadcast = size > math.prod(input_shape) and size > math.prod(target_shape)
    return LossCall(
        loss=loss,
        activations=graph.activations(start),
        input_shape=input_shape,
        target_shape=target_shape,
        broadcast=broadcast,
        weighted=_weight(node) is not None or getattr(node, "_saved_pos_weight", None) is not None,
        ignore_index=_ignore_index(node),
        class_weights=_class_weights(node, loss),
    )


def rows(call_loss: str, scores: Any, targets: Any, weights: Any | None) -> tuple[Any, Any, Any]:
    """(scores, targets, weights), still views, thinned to at most `MOST_SAMPLES` samples.

    Weights are one per sample, in the shape of the targets (of a row of them).
    """
    if call_loss in INDEX_LOSSES and scores.dim() < 2:
        return scores.reshape(1, -1), targets.reshape(1), None
    if (call_loss in INDEX_LOSSES or call_loss in SOFT_LOSSES) and scores.dim() > 2:
        by_index = call_loss in INDEX_LOSSES
        scores, targets = scores.flatten(2), targets.flatten(1 if by_index else 2)
        stride = -(-len(scores) * scores.shape[2] // MOST_SAMPLES)
        weights = None if weights is None else weights.reshape(len(scores), -1)[:, ::stride]
        return scores[:, :, ::stride], targets[..., ::stride], weights
    if call_loss in DISTANCE_LOSSES:
        scores, targets = once(scores), once(targets)
    stride = -(-len(scores) // MOST_SAMPLES) if scores.dim() else 1
    if stride > 1 and len(scores) == len(targets):
        if weights is not None:
            fits = weights.dim() > 0 and len(weights) == len(scores)
            weights = weights[::stride] if fits else None
        scores, targets = scores[::stride], targets[::stride]
    return scores, targets, weights


def once(tensor: Any) -> Any:
    """The tensor without its repetitions: dimensions of stride 0 cut down to size 1."""
    for dimension, (size, stride) in enumerate(zip(tensor.shape, tensor.stride(), strict=True)):
        if stride == 0 and size > 1:
            tensor = tensor.narrow(dimension, 0, 1)
    return tensor


def sample_weights(node: Any, size: int) -> Any | None:
    """Weights that a binary cross entropy was given per element, or None."""
    weight = _weight(node)
    return weight if weight is not None and weight.numel() == size and size > 1 else None


def counted(targets: Any, weights: Any | None) -> Any:
    """Targets without what has no weight, which may be anything: 0 stands there."""
    if weights is None or weights.numel() != targets.numel():
        return targets
    return targets.masked_fill((weights == 0).reshape(targets.shape), 0)


def _weight(node: Any) -> Any | None:
    return getattr(node, "_saved_weight", None)


def _ignore_index(node: Any) -> int | None:
    saved: int | None = getattr(node, "_saved_ignore_index", None)
    if saved is None:
        return None
    return saved - 2**64 if saved >= 2**63 else saved  # autograd hands it out unsigned


def _class_weights(node: Any, loss: str) -> Array | None:
    """Weights by true class, where they are on the host."""
    weight = class_weight(node, loss)
    if weight is None or not weight.is_cpu:
        return None
    return by_class(weight.detach().float().numpy(), loss)


def class_weight(node: Any, loss: str) -> Any | None:
    """The tensor that weighs the classes: (K,), or ``pos_weight``, which may be a single one."""
    if loss in INDEX_LOSSES:
        return _weight(node)
    positive: Any | None = getattr(node, "_saved_pos_weight", None)
    return positive


def by_class(weight: Array, loss: str) -> Array:
    """A copy of the weights as a vector per class of the task: (1, w) of a single `pos_weight`."""
    if loss in INDEX_LOSSES or weight.size > 1:
        return np.array(weight.reshape(-1))
    return np.array([1.0, float(weight.item())])


def _sequence_shapes(
    node: Any, input_shape: tuple[int, ...], target_shape: tuple[int, ...]
) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """(N, K, T) is saved as (N, K, 1, T), and more dimensions as (N, K, 1, all of them)."""
    before = graph.below(node)
    if len(input_shape) != 4 or type(before).__name__ != "ViewBackward0":
        return input_shape, target_shape
    original = tuple(before._saved_self_sym_sizes)
    return original, (original[0], *original[2:])


def _before_broadcast(tensor: Any) -> tuple[int, ...]:
    """Shape before it was repeated to the common one: leading repetitions go, others are 1."""
    node = tensor.grad_fn
    if node is not None and type(node).__name__ == "ExpandBackward0":
        return tuple(node._saved_self_sym_sizes)
    shape, strides = tuple(tensor.shape), tensor.stride()
    repeated = [stride == 0 and size > 1 for size, stride in zip(shape, strides, strict=True)]
    if not any(repeated):
        return shape
    base = tensor._base
    if base is not None and base.dim() <= len(shape):
        try:
            if base.expand(shape).stride() == strides:
                return tuple(base.shape)
        except RuntimeError:
            pass
    while repeated and repeated[0]:
        repeated, shape = repeated[1:], shape[1:]
    return tuple(1 if again else size for size, again in zip(shape, repeated, strict=True))
