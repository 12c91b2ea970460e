"""What a loss call was given that raised, read from the traceback's frames.

Where the call that sends the loss backward raised, since no weight is behind the loss, that.
"""

from __future__ import annotations

import math
import os
from types import FrameType, TracebackType
from typing import Any

from ...records import LossRaised
from ..base import ProbeContext

_LOSS_OF_FUNCTION = {
    "cross_entropy": "cross_entropy",
    "nll_loss": "nll",
    "binary_cross_entropy": "binary_cross_entropy",
    "binary_cross_entropy_with_logits": "binary_cross_entropy_with_logits",
    "mse_loss": "mse",
    "smooth_l1_loss": "smooth_l1",
    "huber_loss": "huber",
    "l1_loss": "l1",
    "soft_margin_loss": "soft_margin",
    "multi_margin_loss": "multi_margin",
    "multilabel_margin_loss": "multilabel_margin",
    "multilabel_soft_margin_loss": "multilabel_soft_margin",
    "kl_div": "kl_div",
}
_FILES = tuple(
    name.replace("/", os.sep) for name in ("torch/nn/functional.py", "torch/nn/modules/loss.py")
)
# What torch says, and from where, of a loss without a graph.
_NO_GRAPH = "does not require grad and does not have a grad_fn"
_ENGINE = "torch/autograd/graph.py".replace("/", os.sep)


def explain(
    error: BaseException, context: ProbeContext, step: int, torch: Any
) -> LossRaised | None:
    """The loss call out of which `error` came; None where it came from elsewhere."""
    chain = _chain(error.__traceback__)
    if at_backward(error):
        return _backward(error, context, step, chain)
    for traceback in reversed(chain):
        frame = traceback.tb_frame
        if not frame.f_code.co_filename.endswith(_FILES):
            continue
        variables = frame.f_locals
        given, target = variables.get("input"), variables.get("target")
        if not isinstance(given, torch.Tensor) or not isinstance(target, torch.Tensor):
            continue
        loss = _LOSS_OF_FUNCTION.get(frame.f_code.co_name, "custom")
        place = _place(chain, context)
        low, high = _range(given)
        target_low, target_high = _range(target)
        return LossRaised(
            loss=loss,
            error=type(error).__name__,
            message=(str(error).splitlines() or [""])[0],
            input_shape=tuple(given.shape),
            target_shape=tuple(target.shape),
            input_dtype=str(given.dtype).removeprefix("torch."),
            target_dtype=str(target.dtype).removeprefix("torch."),
            input_min=low,
            input_max=high,
            target_min=target_low,
            target_max=target_high,
            step=step,
            cell=place[0] if place is not None else None,
            line=place[1] if place is not None else None,
        )
    return None


def at_backward(error: BaseException) -> bool:
    """Whether a loss was sent backward that no weight is behind."""
    chain = _chain(error.__traceback__)
    return (
        isinstance(error, RuntimeError)
        and _NO_GRAPH in str(error)
        and any(t.tb_frame.f_code.co_filename.endswith(_ENGINE) for t in chain[-2:])
    )


def deepest_frame(error: BaseException) -> FrameType | None:
    """The frame in which it was raised."""
    chain = _chain(error.__traceback__)
    return chain[-1].tb_frame if chain else None


def _backward(
    error: BaseException, context: ProbeContext, step: int, chain: list[TracebackType]
) -> LossRaised:
    place = _place(chain, context)
    return LossRaised(
        loss="backward",
        error=type(error).__name__,
        message=(str(error).splitlines() or [""])[0],
        input_shape=(),
        target_shape=(),
        input_dtype="",
        target_dtype="",
        input_min=-math.inf,
        input_max=math.inf,
        target_min=-math.inf,
        target_max=math.inf,
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


def _place(chain: list[TracebackType], context: ProbeContext) -> tuple[int, int] | None:
    """Cell and line of the innermost frame of the traceback that runs the user's code.

    The line comes from the traceback: a frame that has ended may stand at its `finally` by now.
    """
    for traceback in reversed(chain):
        frame = traceback.tb_frame
        place = context.place(frame)
        if place is None:
            return None
        if frame.f_back is None or context.place(frame.f_back) != place:
            return place[0], place[1] + traceback.tb_lineno - frame.f_lineno
    return None


def _range(tensor: Any) -> tuple[float, float]:
    if tensor.numel() == 0 or tensor.is_complex():
        return float("nan"), float("nan")
    values = tensor.detach()
    return float(values.min()), float(values.max())
