"""What stands between a model's last layer and a loss, read from the graph that is being traced."""

from __future__ import annotations

from typing import Any

_ACTIVATIONS = {
    "Softmax": "softmax", "LogSoftmax": "log_softmax", "Sigmoid": "sigmoid", "Tanh": "tanh",
    "Relu": "relu", "Relu6": "relu6", "LeakyRelu": "leaky_relu", "Elu": "elu", "Selu": "selu",
    "Softplus": "softplus",
}  # fmt: skip
_PASSING = frozenset({"Identity", "Cast", "Reshape", "Squeeze", "ExpandDims", "StopGradient"})
_MOST_OPS = 8


def activations_of(tensor: Any) -> tuple[str, ...]:
    """Names of the operations in front of the loss, nearest first; () where it runs eagerly."""
    found: list[str] = []
    for _ in range(_MOST_OPS):
        operation = operation_of(tensor)
        if operation is None:
            break
        if operation.type in _ACTIVATIONS:
            found.append(_ACTIVATIONS[operation.type])
        elif operation.type not in _PASSING:
            break
        if not operation.inputs:
            break
        tensor = operation.inputs[0]
    return tuple(found)


def operation_of(tensor: Any) -> Any | None:
    """What makes a tensor of a graph; None for one with values."""
    return None if hasattr(tensor, "numpy") else getattr(tensor, "op", None)
