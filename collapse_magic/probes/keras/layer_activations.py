"""What activations are called: Keras' functions and layers, in the words that the rules know."""

from __future__ import annotations

from typing import Any

_MODULE = "keras.src.layers.activations."
_LAYERS = {
    "ReLU": "relu", "LeakyReLU": "leaky_relu", "PReLU": "prelu", "ELU": "elu", "Softmax": "softmax",
}  # fmt: skip
# Class names as in torch.nn, by which the rules go.
_CLASSES = {
    "celu": "CELU", "elu": "ELU", "gelu": "GELU", "glu": "GLU", "leaky_relu": "LeakyReLU",
    "log_sigmoid": "LogSigmoid", "log_softmax": "LogSoftmax", "mish": "Mish", "prelu": "PReLU",
    "relu": "ReLU", "relu6": "ReLU6", "selu": "SELU", "sigmoid": "Sigmoid", "silu": "SiLU",
    "softmax": "Softmax", "softplus": "Softplus", "softsign": "Softsign", "tanh": "Tanh",
}  # fmt: skip


def of_part(part: Any) -> str:
    """The activation that a layer or an operation is, or applies at its end; "" for none.

    >>> of_part(keras.layers.Dense(3, activation="softmax"))
    'softmax'
    """
    kind = type(part)
    if kind.__module__.startswith(_MODULE) and kind.__name__ in _LAYERS:
        return _LAYERS[kind.__name__]
    if kind.__module__.startswith("keras.src.ops."):
        name = _snake(kind.__name__)
        return name if name in _CLASSES else ""
    function = getattr(part, "activation", None)
    return of_function(function) if callable(function) else ""


def of_function(function: Any) -> str:
    """The name of an activation function; "" of the linear one.

    Functions of TensorFlow and JAX go by the same names, some layers are given as functions.
    """
    name = getattr(function, "__name__", None)
    if not isinstance(name, str):
        return of_part(function) if function is not None else ""
    name = {"swish": "silu", "log_softmax_v2": "log_softmax", "softmax_v2": "softmax"}.get(
        name, name
    )
    return "" if name in ("linear", "identity") else name


def class_name(name: str) -> str:
    """The class of an activation: "relu" -> "ReLU"."""
    return _CLASSES.get(name, "".join(word.capitalize() for word in name.split("_")))


def _snake(name: str) -> str:
    known = {value.lower(): key for key, value in _CLASSES.items()}
    return known.get(name.lower(), name.lower())
