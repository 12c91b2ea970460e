"""Where a loss that is NaN or Inf comes from: the first place along the way that is not finite."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterator
from typing import Any

from ...records import Place
from ..calls import LossCall
from . import graph, scaling
from .saved import saved
from .sharded import local
from .survey import nearest_parameter
from .written import Written

_MOST_NODES = 20_000
_SAVED = ("mat1", "input", "self", "result", "mat2", "other", "weight")


def first_place(
    root: Any,
    node: Any | None,
    written: Written | None,
    call: LossCall | None,
    module: Any | None,
    torch: Any,
) -> tuple[Place, str, str] | None:
    """(place, name, value) of the first non-finite tensor; None where the loss was only masked out.

    Parameters: the loss tensor, its loss node and call (if known), how it is read if it is written
    by hand, and the model (if known).
    """
    parameters = dict(_named(module))
    scores, targets = _loss_inputs(node, written)
    start = root.grad_fn if node is None else node
    for tensor in leaves(start if written is None else written.below(node)):
        value = _bad(tensor, torch)
        if value is not None:
            return "input", "input", value
    if targets is not None:
        value = _bad(targets, torch)
        if value is not None:
            return "target", "target", value
        ignored = None if call is None else call.ignore_index
        if ignored is not None and bool((targets == ignored).all()):
            return None  # a mean over no sample: its gradient is zero
    for name, parameter in _weights(root.grad_fn, parameters):
        value = _bad(parameter, torch)
        if value is not None:
            return "weight", name, value
    inner = _first_output(root.grad_fn, parameters, torch)
    if inner is not None:
        return "logits", *inner
    if scores is not None:
        value = _bad(scores, torch)
        if value is not None:
            return "logits", "", value
        if scaling.is_scaled(root.grad_fn):
            return None  # the loss is finite, and the scaler will try a smaller factor
    return "loss", "", _word(float(root.detach()))


def _loss_inputs(node: Any | None, written: Written | None) -> tuple[Any, Any]:
    if node is None:
        return None, None
    try:
        if written is not None:
            return written.read(node)[:2]
        return node._saved_self, node._saved_target
    except (RuntimeError, LookupError):
        return None, None


def _named(module: Any | None) -> Iterator[tuple[int, str]]:
    if module is not None:
        for name, parameter in module.named_parameters():
            yield id(parameter), name


def _nodes(root: Any) -> Iterator[Any]:
    queue, seen = deque([root] if root is not None else []), {root}
    while queue and len(seen) < _MOST_NODES:
        node = queue.popleft()
        yield node
        for below, _ in node.next_functions:
            if below is not None and below not in seen:
                seen.add(below)
                queue.append(below)


def leaves(root: Any) -> Iterator[Any]:
    """Tensors that layers were given and that no operation of the graph has made."""
    for node in _nodes(root):
        if type(node).__name__ in graph.LOSS_NODES:
            continue
        for tensor in _saved_in(node):
            if tensor.grad_fn is None and not tensor.requires_grad:
                yield tensor


def _saved_in(node: Any) -> Iterator[Any]:
    for name in _SAVED:
        tensor = saved(node, name)
        if hasattr(tensor, "grad_fn"):
            yield tensor


def _first_output(root: Any, parameters: dict[int, str], torch: Any) -> tuple[str, str] | None:
    """(layer, value) of the first non-finite tensor on the way from the inputs to the logits."""
    outputs = [
        (tensor.grad_fn._sequence_nr(), tensor)
        for node in _nodes(root)
        if type(node).__name__ not in graph.LOSS_NODES
        for tensor in _saved_in(node)
        if tensor.grad_fn is not None and not type(tensor.grad_fn).__name__.startswith("LogSoft")
    ]
    for _, tensor in sorted(outputs, key=lambda output: output[0]):
        value = _bad(tensor, torch)
        if value is not None:
            name = parameters.get(nearest_parameter(tensor.grad_fn)[0], "")
            return name.rpartition(".")[0] or ("(model)" if name else ""), value
    return None


def _weights(root: Any, parameters: dict[int, str]) -> Iterator[tuple[str, Any]]:
    """Parameters in the graph, the model's first layers first."""
    found = [v for node in _nodes(root) if (v := getattr(node, "variable", None)) is not None]
    order = {key: place for place, key in enumerate(parameters)}
    for parameter in sorted(found, key=lambda p: order.get(id(p), len(order))):
        yield parameters.get(id(parameter), ""), parameter


def _bad(tensor: Any, torch: Any) -> str | None:
    """The word nan, inf or -inf where the tensor holds one, NaN first; else None."""
    if not isinstance(tensor, torch.Tensor) or not tensor.is_floating_point():
        return None
    tensor = local(tensor).detach()
    if bool(torch.isfinite(tensor).all()):
        return None
    if bool(torch.isnan(tensor).any()):
        return "nan"
    return "inf" if bool((tensor == math.inf).any()) else "-inf"


def _word(value: float) -> str:
    return "nan" if math.isnan(value) else ("inf" if value > 0 else "-inf")
