"""What kind of task a loss call is, judged by the loss, the shapes and the targets' values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..records import TargetKind, Task

Array = NDArray[Any]

# A "crossentropy" is Keras' own, of probabilities; a "cross_entropy" applies a softmax itself.
INDEX_LOSSES = frozenset(
    {"cross_entropy", "nll", "multi_margin", "sparse_categorical_crossentropy"}
)
PROBABILITY_LOSSES = frozenset(
    {
        "binary_cross_entropy",
        "sparse_categorical_crossentropy",
        "categorical_crossentropy",
        "kl_divergence",
    }
)
LOGIT_LOSSES = frozenset(
    {"binary_cross_entropy_with_logits", "soft_margin", "hinge", "squared_hinge"}
)
MARGIN_LOSSES = frozenset({"soft_margin", "hinge", "squared_hinge"})  # their labels are -1 and +1
# Of scores against a row of probabilities (or a one-hot row) per sample, and as what they are told.
SOFT_LOSSES = {
    "categorical_crossentropy": "categorical_crossentropy",
    "categorical_hinge": "categorical_hinge",
    "kl_divergence": "kl_divergence",
    "soft_cross_entropy": "cross_entropy",
    "soft_nll": "nll",
    "soft_kl_div": "kl_div",
}
DISTANCE_LOSSES = frozenset({"mse", "smooth_l1", "huber", "l1"})
# The scores of a loss that nobody knows are told of only where a layer makes probabilities of them.
DISTANCES = DISTANCE_LOSSES | {"custom"}

COUNTED: frozenset[Task] = frozenset({"binary", "multiclass", "multilabel"})

# Soft labels come in few values (smoothing two, mixup four a batch); pictures to be reconstructed
# through a binary cross entropy in many.
_MOST_SOFT_VALUES = 16
# Labels that name samples of their own batch do so on purpose from here on: of eight random labels
# out of eight they would in one batch of 20,000.
_LEAST_PARTNERS = 8


@dataclass(frozen=True, slots=True)
class Judgement:
    """What a loss call is about; `signed` tells targets -1/+1 from 0/1."""

    task: Task
    classes: int
    kind: TargetKind
    signed: bool = False


def told(loss: str) -> str:
    """The name of a loss as the user knows it."""
    return SOFT_LOSSES.get(loss, loss)


def width(shape: tuple[int, ...]) -> int:
    """Outputs per sample of an element-wise loss: one of (N,) and (N, H, W), C of (N, C, ...)."""
    return shape[1] if len(shape) in (2, 4, 5) else 1


def classes_of(shape: tuple[int, ...]) -> int:
    """K of a loss that takes class indices: (N, K, ...) or (K,)."""
    return shape[1] if len(shape) >= 2 else (shape[0] if shape else 0)


def outputs_of(loss: str, shape: tuple[int, ...]) -> int:
    """What `classes_of` or `width` says, whichever the loss goes by."""
    by_class = loss in INDEX_LOSSES or loss in SOFT_LOSSES
    return classes_of(shape) if by_class else width(shape)


def judge(loss: str, input_shape: tuple[int, ...], targets: Array) -> Judgement:
    """Judge one batch; `targets` are as the user gave them, without ignored ones where indices."""
    outputs = outputs_of(loss, input_shape)
    if loss in INDEX_LOSSES:
        if len(input_shape) == 2 and _are_partners(targets.reshape(-1), *input_shape):
            return Judgement("unknown", 0, "index")
        return Judgement("multiclass", outputs, "index")
    values = targets.reshape(-1)
    if len(values) == 0:
        return Judgement("unknown", 0, "unknown")
    zero_one = bool(((values == 0) | (values == 1)).all())
    signed = not zero_one and bool(((values == -1) | (values == 1)).all())
    one_hot = outputs > 1 and not signed and _rows_sum_to_one(targets, outputs)
    if one_hot and targets.ndim == 2 and _are_partners(targets.argmax(axis=1), *targets.shape):
        return Judgement("unknown", 0, "one-hot" if zero_one else "probabilities")
    if loss in SOFT_LOSSES:
        return Judgement("multiclass", outputs, "one-hot" if zero_one else "probabilities")
    if loss in PROBABILITY_LOSSES or loss in LOGIT_LOSSES:
        return _judge_binary(values, outputs, zero_one, signed, one_hot, loss)
    if loss not in DISTANCES:
        return Judgement("unknown", 0, "unknown")
    if outputs == 1 and (zero_one or signed):
        return Judgement("binary", 2, "binary", signed)
    if one_hot and zero_one:
        return Judgement("multiclass", outputs, "one-hot")
    return Judgement("regression", 0, "index" if _whole(values) else "continuous")


def _judge_binary(
    values: Array, outputs: int, zero_one: bool, signed: bool, one_hot: bool, loss: str
) -> Judgement:
    kind: TargetKind
    if zero_one or signed:
        kind = "one-hot" if one_hot else "binary"
    elif bool(((values >= 0) & (values <= 1)).all()):
        kind = "probabilities"
        if len(np.unique(values[:4096])) > _MOST_SOFT_VALUES and not one_hot:
            return Judgement("regression", 0, kind)
    else:
        kind = "index" if _whole(values) else "continuous"
    if outputs == 1:
        # For a margin loss -1 is the other class; for a cross entropy it is out of range.
        return Judgement("binary", 2, kind, signed and loss in MARGIN_LOSSES)
    return Judgement("multiclass" if one_hot else "multilabel", outputs, kind)


def _are_partners(labels: Array, samples: int, outputs: int) -> bool:
    """Whether the labels (n,) name samples of their own batch: each itself, or two one another.

    That is what contrastive losses compare a sample with; the "classes" are others in every batch.
    """
    if len(labels) != samples or samples < _LEAST_PARTNERS or outputs < samples:
        return False
    places = labels.astype(np.intp)
    if not bool(((places >= 0) & (places < samples)).all()):
        return False
    return bool((places[places] == np.arange(samples)).all())


def _whole(values: Array) -> bool:
    if not np.issubdtype(values.dtype, np.floating):
        return True
    return bool(np.isfinite(values).all() and (values == np.round(values)).all())


def _rows_sum_to_one(targets: Array, outputs: int) -> bool:
    if targets.ndim < 2 or targets.shape[1] != outputs:
        return False
    if not bool(((targets >= 0) & (targets <= 1)).all()):
        return False
    return bool((np.abs(targets.sum(axis=1) - 1) < 1e-3).all())
