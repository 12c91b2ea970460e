"""Sees every loss that is computed: by Keras' loss objects and functions, and by ``tf.nn``.

Whatever style a loss is written in, a cross entropy reaches one of three functions of Keras'
backend, or an operation of TensorFlow; loss objects tell of the other kinds, and of weights. Where
one of them calls another, only the outermost that tells what the user gave counts.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial, wraps
from typing import Any

from ..guard import Guard
from ..patching import Patches
from .activations import activations_of, operation_of
from .own_losses import understood

_BACKEND = "keras.src.backend.{}.nn"

# Function of Keras' backend -> operation that it looks behind for logits, and what the loss goes by
# where it is given probabilities, and logits.
_CROSS_ENTROPIES = {
    "sparse_categorical_crossentropy": (
        "Softmax", "sparse_categorical_crossentropy", "cross_entropy",
    ),
    "categorical_crossentropy": ("Softmax", "categorical_crossentropy", "soft_cross_entropy"),
    "binary_crossentropy": (
        "Sigmoid", "binary_cross_entropy", "binary_cross_entropy_with_logits",
    ),
}  # fmt: skip
# Module and name of TensorFlow's own, whichever way the user has imported them -> name.
_OPERATIONS = (
    ("gen_nn_ops", "sparse_softmax_cross_entropy_with_logits", "cross_entropy"),
    ("gen_nn_ops", "softmax_cross_entropy_with_logits", "soft_cross_entropy"),
    ("nn_impl", "sigmoid_cross_entropy_with_logits", "binary_cross_entropy_with_logits"),
)
# Functions behind Keras' other losses -> name.
_OTHERS = {
    "mean_squared_error": "mse", "mean_absolute_error": "l1", "huber": "huber", "hinge": "hinge",
    "squared_hinge": "squared_hinge", "categorical_hinge": "categorical_hinge",
    "kl_divergence": "kl_divergence", "categorical_focal_crossentropy": "categorical_crossentropy",
}  # fmt: skip


@dataclass(frozen=True, slots=True, eq=False)
class LossSeen:
    """One loss as it was computed, in tensors of a graph or with values.

    Attributes
        value: scalar, or one per sample where the user reduces them himself.
        scores, targets: as the user gave them; None where only the value can be told.
        weights: per sample or element, broadcast to the loss's values; None without.
    """

    loss: str
    value: Any
    scores: Any = None
    targets: Any = None
    weights: Any = None
    activations: tuple[str, ...] = ()
    ignore_index: int | None = None
    weighted: bool = False  # the user gave weights: of classes or of samples
    written: bool = False  # by the user, in operations: whether it is one, the labels must tell

    @property
    def tensors(self) -> list[Any]:
        given = (self.value, self.scores, self.targets, self.weights)
        return [tensor for tensor in given if tensor is not None]

    def without_tensors(self) -> LossSeen:
        """What is the same for every batch."""
        return replace(self, value=None, scores=None, targets=None, weights=None)


@dataclass(slots=True)
class _Frame:
    """A loss object at work, and the cross entropy that it has come to."""

    inside: LossSeen | None = None


class _Local(threading.local):
    muted = 0  # within something whose losses are not trained with, or are told of outside
    frame: _Frame | None = None


class LossCalls:
    """Replaces what computes losses for a while.

    Parameters
        guard: runs what is ours.
        take: is given each loss that was computed, on the thread that did; None: switched off.
        backend: the one that Keras runs on.
    """

    def __init__(
        self, guard: Guard, take: Callable[[LossSeen], None], backend: str = "tensorflow"
    ) -> None:
        self.take: Callable[[LossSeen], None] | None = take
        self._guard = guard
        self._backend = backend
        self._local = _Local()

    def attach_to_tensorflow(self, patches: Patches) -> None:
        for module, name, loss in _OPERATIONS:
            owner = sys.modules[f"tensorflow.python.ops.{module}"]
            patches.replace(owner, name, partial(self._around_operation, loss))

    def attach_to_keras(self, patches: Patches) -> None:
        backend = sys.modules[_BACKEND.format(self._backend)]
        for name in _CROSS_ENTROPIES:
            patches.replace(backend, name, partial(self._around_cross_entropy, name))
        loss = sys.modules["keras.src.losses.loss"].Loss
        patches.replace(loss, "__call__", self._around_object)
        metric = sys.modules["keras.src.metrics.reduction_metrics"].MeanMetricWrapper
        patches.replace(metric, "update_state", self._around_metric)

    def silent(self) -> bool:
        """Whether nobody is told of what is computed on this thread just now."""
        return self.take is None or self._local.muted > 0

    # -- the functions that stand in place --------------------------------------------------------

    def _around_cross_entropy(self, name: str, original: Callable[..., Any]) -> Callable[..., Any]:
        operation, on_probabilities, on_logits = _CROSS_ENTROPIES[name]

        @wraps(original)  # so that AutoGraph leaves it alone, by its module
        def cross_entropy(
            target: Any, output: Any, from_logits: bool = False, *args: Any, **kwargs: Any
        ) -> Any:
            with self._mute():
                values = original(target, output, from_logits, *args, **kwargs)
            if self.take is not None and not self._local.muted:
                self._guard.run(seen, from_logits, values, output, target)
            return values

        def seen(from_logits: bool, values: Any, output: Any, target: Any) -> None:
            # On TensorFlow Keras takes the logits behind a softmax or sigmoid, whatever
            # `from_logits` says.
            corrects = self._backend == "tensorflow"
            raw = from_logits and not (corrects and _is_corrected(output, operation))
            self._seen(on_logits if raw else on_probabilities, values, output, target)

        return cross_entropy

    def _around_operation(self, loss: str, original: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(original)
        def operation(*args: Any, **kwargs: Any) -> Any:
            with self._mute():
                values = original(*args, **kwargs)
            if self.take is not None and not self._local.muted:
                self._guard.run(self._seen_operation, loss, values, args, kwargs)
            return values

        return operation

    def _around_object(self, original: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(original)
        def __call__(  # noqa: N807 - it stands in for one
            loss: Any, y_true: Any, y_pred: Any, sample_weight: Any = None
        ) -> Any:
            local = self._local
            if self.take is None or local.muted:
                return original(loss, y_true, y_pred, sample_weight)
            before, local.frame = local.frame, _Frame()
            try:
                value = original(loss, y_true, y_pred, sample_weight)
                inside = local.frame.inside
            finally:
                local.frame = before
            self._guard.run(self._seen_object, loss, value, y_true, y_pred, sample_weight, inside)
            return value

        return __call__

    def _around_metric(self, original: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(original)
        def update_state(*args: Any, **kwargs: Any) -> Any:
            with self._mute():
                return original(*args, **kwargs)

        return update_state

    # -- telling ----------------------------------------------------------------------------------

    def _seen(self, loss: str, value: Any, scores: Any, targets: Any) -> None:
        seen = LossSeen(loss, value, scores, targets, None, activations_of(scores))
        if self._local.frame is not None:
            self._local.frame.inside = seen
        else:
            self._tell(seen)

    def _seen_operation(
        self, loss: str, values: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> None:
        names = ("labels", "logits") if loss.startswith("binary") else ("features", "labels")
        given = dict(zip(names, args, strict=False)) | kwargs
        value = values if loss.startswith("binary") else values[0]
        self._seen(loss, value, given.get("logits", given.get("features")), given["labels"])

    def _seen_object(self, *given: Any) -> None:
        self._tell(_of_object(*given))

    def _tell(self, seen: LossSeen) -> None:
        if self.take is not None:
            with self._mute():
                self.take(seen)

    @contextmanager
    def _mute(self) -> Iterator[None]:
        self._local.muted += 1
        try:
            yield
        finally:
            self._local.muted -= 1


def _is_corrected(output: Any, operation: str) -> bool:
    if hasattr(output, "_keras_logits"):
        return True
    made_by = operation_of(output)
    return made_by is not None and made_by.type == operation


def _of_object(
    loss: Any, value: Any, y_true: Any, y_pred: Any, sample_weight: Any, inside: LossSeen | None
) -> LossSeen:
    """What a loss object was given; `inside` is the cross entropy that it is made of."""
    function = getattr(loss, "fn", None)
    own = function if function is not None else type(loss)
    by_keras = str(getattr(own, "__module__", "")).startswith("keras.")
    plain = hasattr(y_pred, "shape") and hasattr(y_true, "shape")
    weights = _weights(sample_weight, y_pred)
    name = _OTHERS.get(getattr(function, "__name__", ""))
    settings = getattr(loss, "_fn_kwargs", {})
    if by_keras and plain and (inside is not None or name is not None):
        kind = inside.loss if inside is not None else _by_settings(name or "", settings)
        ignored = settings.get("ignore_class")
        given = activations_of(y_pred)
        weighted = sample_weight is not None
        return LossSeen(kind, value, y_pred, y_true, weights, given, ignored, weighted)
    if inside is not None:  # in a function or class of the user's: what that has made of it
        return replace(inside, value=value, weights=weights, weighted=sample_weight is not None)
    known = of_function(value, y_true, y_pred)
    if known is not None:
        weighted = known.weighted or sample_weight is not None
        return replace(known, weights=weights, weighted=weighted)
    return LossSeen(str(getattr(own, "__name__", "custom")), value)


def of_function(value: Any, y_true: Any, y_pred: Any) -> LossSeen | None:
    """What a function of the user's was given, where its graph tells what that is to it."""
    found = understood(value, y_true, y_pred)
    if found is None:
        return None
    given = activations_of(y_pred)
    return LossSeen(
        found.loss, value, y_pred, y_true, None, given, weighted=found.weighted, written=True
    )


def _by_settings(name: str, settings: dict[str, Any]) -> str:
    if name == "categorical_crossentropy" and settings.get("from_logits"):
        return "soft_cross_entropy"
    return name


def _weights(sample_weight: Any, y_pred: Any) -> Any | None:
    """Weights of the samples; where there are none, the mask that the model has handed on."""
    if sample_weight is not None:
        return sample_weight if hasattr(sample_weight, "shape") else None
    return getattr(y_pred, "_keras_mask", None)
