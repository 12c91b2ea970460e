"""What a loss was given that raised, read from the traceback's frames and the error's own words.

Keras and TensorFlow cut their own frames out of a traceback, all but the last. What is left: the
function of Keras' backend that refused the shapes, the arguments of the user's call (in the frame
that did the cutting), and, where a kernel of TensorFlow refused the labels, these in its message.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import FrameType, TracebackType
from typing import Any

import numpy as np

from ...records import LossRaised
from ..base import ProbeContext
from . import losses

_KERAS_LOSSES = {
    "sparse_categorical_crossentropy": "sparse_categorical_crossentropy",
    "categorical_crossentropy": "categorical_crossentropy",
    "binary_crossentropy": "binary_cross_entropy",
}
_OPS = {
    "sigmoid_cross_entropy_with_logits": "binary_cross_entropy_with_logits",
    "sigmoid_cross_entropy_with_logits_v2": "binary_cross_entropy_with_logits",
    "weighted_cross_entropy_with_logits": "binary_cross_entropy_with_logits",
    "weighted_cross_entropy_with_logits_v2": "binary_cross_entropy_with_logits",
    "softmax_cross_entropy_with_logits": "categorical_crossentropy",
    "softmax_cross_entropy_with_logits_v2": "categorical_crossentropy",
    "sparse_softmax_cross_entropy_with_logits": "sparse_softmax_cross_entropy_with_logits",
    "sparse_softmax_cross_entropy_with_logits_v2": "sparse_softmax_cross_entropy_with_logits",
}
_BACKENDS, _IN_KERAS, _IN_TENSORFLOW = (
    name.replace("/", os.sep)
    for name in (
        "keras/src/backend/",
        "keras/src/utils/traceback_utils.py",
        "tensorflow/python/util/traceback_utils.py",
    )
)
_OURS = losses.__file__
_OP_FILES = tuple(
    name.replace("/", os.sep)
    for name in ("tensorflow/python/ops/nn_impl.py", "tensorflow/python/ops/nn_ops.py")
)
_OUT_OF_RANGE = re.compile(
    r"label value of (-?\d+) which is outside the valid range of \[0, (\d+)\)"
)
_LABELS = re.compile(r"Label values: ((?:-?\d+ ?)+)")
_OP_NAME = "softmax_cross_entropy_with_logits"
# What an optimizer says that is given no gradient at all.
_NO_GRADIENTS = "No gradients provided for any variable"
_BATCH_SIZE = 32  # Keras' own where `fit` is given none


@dataclass(frozen=True, slots=True)
class _Given:
    """Names of shapes and values as far as they are known; a range is -inf to inf where not."""

    loss: str
    input_shape: tuple[int, ...]
    target_shape: tuple[int, ...]
    input_dtype: str = "float32"
    target_dtype: str = "int64"
    input_range: tuple[float, float] = (-np.inf, np.inf)
    target_range: tuple[float, float] = (-np.inf, np.inf)


@dataclass(frozen=True, slots=True)
class _Fit:
    """The arguments of the `fit` in which it was raised."""

    arguments: Mapping[str, Any] = field(default_factory=dict)

    @property
    def batch(self) -> int:
        """Samples of a batch; -1 where only the data set knows."""
        if not hasattr(self.arguments.get("x"), "shape"):
            return -1
        return min(int(self.arguments.get("batch_size") or _BATCH_SIZE), len(self.arguments["x"]))

    def labels(self) -> tuple[float, float]:
        return _range(self.arguments.get("y"))


def explain(error: BaseException, context: ProbeContext, step: int) -> LossRaised | None:
    """The loss call out of which `error` came; None where it came from elsewhere."""
    chain = _chain(error.__traceback__)
    if isinstance(error, ValueError) and str(error).startswith(_NO_GRADIENTS):
        return _told(_Given("backward", (), (), "", ""), error, context, step, chain)
    fit = _fit(chain)
    given = _from_frames(chain, fit) or _from_message(str(error), chain, fit)
    if given is None:
        return None
    return _told(given, error, context, step, chain)


def _told(
    given: _Given,
    error: BaseException,
    context: ProbeContext,
    step: int,
    chain: list[TracebackType],
) -> LossRaised:
    place = _place(chain, context)
    return LossRaised(
        loss=given.loss,
        error=type(error).__name__,
        message=_telling_line(str(error)),
        input_shape=given.input_shape,
        target_shape=given.target_shape,
        input_dtype=given.input_dtype,
        target_dtype=given.target_dtype,
        input_min=given.input_range[0],
        input_max=given.input_range[1],
        target_min=given.target_range[0],
        target_max=given.target_range[1],
        step=step,
        cell=place[0] if place is not None else None,
        line=place[1] if place is not None else None,
    )


def _chain(traceback: TracebackType | None) -> list[TracebackType]:
    chain = []
    while traceback is not None:
        chain.append(traceback)
        traceback = traceback.tb_next
    return chain


# -- what is found -------------------------------------------------------------------------------


def _from_frames(chain: list[TracebackType], fit: _Fit) -> _Given | None:
    """The outermost function that computes a cross entropy: the one that the user chose."""
    for traceback in chain:
        frame = traceback.tb_frame
        found = _arguments(frame)
        if found is None:
            continue
        loss, output, target = found
        if not hasattr(output, "shape") or not hasattr(target, "shape"):
            continue
        target_range = _range(target)
        return _Given(
            loss,
            _shape(output, fit),
            _shape(target, fit),
            _dtype(output),
            _dtype(target),
            _range(output),
            target_range if np.isfinite(target_range).all() else fit.labels(),
        )
    return None


def _arguments(frame: FrameType) -> tuple[str, Any, Any] | None:
    """(loss, outputs, targets) of a frame that works on a loss."""
    path, name = frame.f_code.co_filename, frame.f_code.co_name
    variables = frame.f_locals
    if path == _OURS:  # Keras may have cut out what our wrapper calls, and left the wrapper
        name = str(getattr(variables.get("original"), "__name__", ""))
    elif path.endswith(_IN_TENSORFLOW):
        name = _handled(variables)
    if name in _KERAS_LOSSES and (path == _OURS or _BACKENDS in path):
        loss = _KERAS_LOSSES[name]
        if loss == "binary_cross_entropy" and variables.get("from_logits"):
            loss = "binary_cross_entropy_with_logits"
        return loss, variables.get("output"), variables.get("target")
    if name in _OPS and path.endswith(_OP_FILES):
        return _OPS[name], variables.get("logits"), variables.get("labels")
    if name in _OPS and (path == _OURS or path.endswith(_IN_TENSORFLOW)):
        by_kernel = path == _OURS and "sigmoid" not in name
        names = ("features", "labels") if by_kernel else ("labels", "logits")
        given = dict(zip(names, variables.get("args", ()), strict=False))
        given.update(variables.get("kwargs", {}))
        return _OPS[name], given.get("logits", given.get("features")), given.get("labels")
    return None


def _handled(variables: Mapping[str, Any]) -> str:
    """The name of the function whose frames were cut out."""
    function = variables.get("fn")
    code = getattr(function, "__code__", None)
    if function is not None and code is not None and "dispatch_target" in code.co_freevars:
        # TensorFlow wraps its own functions once more
        place = code.co_freevars.index("dispatch_target")
        function = function.__closure__[place].cell_contents
    return str(getattr(function, "__name__", ""))


def _from_message(message: str, chain: list[TracebackType], fit: _Fit) -> _Given | None:
    """Labels that a kernel of TensorFlow refused, which has the batch's labels in its message."""
    found = _OUT_OF_RANGE.search(message)
    if found is None:
        return None
    written = _LABELS.search(message)
    labels = [int(word) for word in written[1].split()] if written is not None else []
    low, high = fit.labels()
    if not np.isfinite((low, high)).all():
        labels = labels or [int(found[1])]
        low, high = float(min(labels)), float(max(labels))
    files = [traceback.tb_frame.f_code.co_filename for traceback in chain]
    by_keras = "sparse_categorical_crossentropy" in message or any(
        _BACKENDS in name or name.endswith(_IN_KERAS) for name in files
    )
    loss = f"sparse_{'categorical_crossentropy' if by_keras else _OP_NAME}"
    samples = len(labels) or fit.batch
    return _Given(loss, (samples, int(found[2])), (samples,), target_range=(low, high))


def _telling_line(message: str) -> str:
    lines = [line.strip() for line in message.splitlines() if line.strip()]
    return next((line for line in lines if _OUT_OF_RANGE.search(line)), lines[0] if lines else "")


# -- the call of the user's ----------------------------------------------------------------------


def _fit(chain: list[TracebackType]) -> _Fit:
    for traceback in chain:
        variables = traceback.tb_frame.f_locals
        if traceback.tb_frame.f_code.co_filename.endswith(_IN_KERAS) and _handled(variables) in (
            "fit",
            "train_on_batch",
        ):
            given = dict(zip(("model", "x", "y"), variables.get("args", ()), strict=False))
            return _Fit({**given, **variables.get("kwargs", {})})
    return _Fit()


def _place(chain: list[TracebackType], context: ProbeContext) -> tuple[int, int] | None:
    """Cell and line of the innermost frame of the traceback that runs the user's code."""
    for traceback in reversed(chain):
        frame = traceback.tb_frame
        place = context.place(frame)
        if place is None:
            continue
        if frame.f_back is None or context.place(frame.f_back) != place:
            return place[0], place[1] + traceback.tb_lineno - frame.f_lineno
    return None


# -- tensors -------------------------------------------------------------------------------------


def _shape(tensor: Any, fit: _Fit) -> tuple[int, ...]:
    """Sizes; that of a batch which the graph leaves open is the one of `fit`."""
    return tuple(fit.batch if size is None else int(size) for size in tensor.shape)


def _dtype(tensor: Any) -> str:
    dtype = getattr(tensor, "dtype", "")
    return str(getattr(dtype, "name", dtype)).removeprefix("torch.")


def _range(values: Any) -> tuple[float, float]:
    """Lowest and highest value; -inf and inf where they are symbols, or no plain numbers."""
    unknown = (-np.inf, np.inf)
    if values is None or not hasattr(values, "shape"):
        return unknown
    try:
        array = np.asarray(values, dtype=float)
    except Exception:  # symbols of a graph raise whatever their framework chooses
        return unknown
    return (float(array.min()), float(array.max())) if array.size else unknown
