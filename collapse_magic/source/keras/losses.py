"""Losses of Keras and TensorFlow: as `compile` is given them, and as they are called by hand."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from ..callees import made_by_keras
from ..cells import Spot
from ..flow import Flow
from ..names import dotted

_DEPTH = 12
Form = Literal["string", "object", "function", "op", "own"]
# Functions (and strings) of Keras' losses, by the class of the same loss.
FUNCTIONS = {
    "BinaryCrossentropy": "binary_crossentropy",
    "CategoricalCrossentropy": "categorical_crossentropy",
    "SparseCategoricalCrossentropy": "sparse_categorical_crossentropy",
    "BinaryFocalCrossentropy": "binary_focal_crossentropy",
    "CategoricalFocalCrossentropy": "categorical_focal_crossentropy",
    "MeanSquaredError": "mean_squared_error",
    "MeanAbsoluteError": "mean_absolute_error",
    "Hinge": "hinge",
    "SquaredHinge": "squared_hinge",
    "CategoricalHinge": "categorical_hinge",
    "Huber": "huber",
    "KLDivergence": "kl_divergence",
    "Poisson": "poisson",
}
_ALIASES = {
    "bce": "BinaryCrossentropy",
    "mse": "MeanSquaredError",
    "mae": "MeanAbsoluteError",
    "kld": "KLDivergence",
}
CLASSES = {function: name for name, function in FUNCTIONS.items()} | {
    name.lower(): name for name in FUNCTIONS
} | _ALIASES  # fmt: skip
# TensorFlow's own, which take logits: (class of the same loss in Keras).
OPS = {
    "tf.nn.sigmoid_cross_entropy_with_logits": "BinaryCrossentropy",
    "tf.nn.weighted_cross_entropy_with_logits": "BinaryCrossentropy",
    "tf.nn.softmax_cross_entropy_with_logits": "CategoricalCrossentropy",
    "tf.nn.sparse_softmax_cross_entropy_with_logits": "SparseCategoricalCrossentropy",
}
_LOSS_LIKE = re.compile(r"loss|criterion|bce|cross_?entropy|objective", re.IGNORECASE)


@dataclass(frozen=True)
class Loss:
    """Which loss, and where it is named.

    ``spot`` is the string, the function's name, the construction of an object, or the op's name.
    """

    name: str | None  # Keras' class; None: one of the user's own making
    form: Form
    spot: Spot

    @property
    def arguments(self) -> dict[str, ast.expr]:
        """Arguments of the object's construction, by name."""
        if self.form != "object" or not isinstance(self.spot.node, ast.Call):
            return {}
        given = {k.arg: k.value for k in self.spot.node.keywords if k.arg is not None}
        if self.spot.node.args:
            given["from_logits"] = self.spot.node.args[0]
        return given


@dataclass(frozen=True)
class TapeLoss:
    """One call that computes a loss from outputs and targets."""

    loss: Loss
    spot: Spot
    output: Spot
    target: Spot

    @property
    def call(self) -> ast.Call:
        assert isinstance(self.spot.node, ast.Call)
        return self.spot.node


def named(flow: Flow, spot: Spot) -> Loss | None:
    """The loss that an expression names, as `compile(loss=...)` takes it."""
    node = spot.node
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return Loss(CLASSES.get(node.value.lower()), "string", spot)
    if (function := _function(flow, node)) is not None:
        return Loss(function, "function", spot)
    written = None if isinstance(node, ast.Constant) else flow.literal(spot)
    if written is not None:
        return named(flow, written)
    for origin in flow.origins(spot):
        made = origin.node
        if isinstance(made, ast.Call):
            name = made_by_keras(flow, origin)
            if name.startswith("keras.losses.") and name.rpartition(".")[2] in FUNCTIONS:
                return Loss(name.rpartition(".")[2], "object", origin)
            return Loss(None, "own", origin)
        if (function := _function(flow, made)) is not None:
            return Loss(function, "function", origin)
    return Loss(None, "own", spot) if isinstance(node, (ast.Name, ast.Attribute)) else None


def _function(flow: Flow, node: ast.AST) -> str | None:
    """The class for `keras.losses.binary_crossentropy`; None where it names no loss function."""
    name = flow.names.keras(node) or ""
    if name.startswith(("keras.losses.", "keras.metrics.", "keras.ops.")):
        return CLASSES.get(name.rpartition(".")[2]) if name.rpartition(".")[2].islower() else None
    return None


class LossCalls:
    """Finds the loss calls of a step that is written by hand."""

    def __init__(self, flow: Flow) -> None:
        self._flow = flow

    def of(self, spot: Spot, depth: int = _DEPTH) -> Iterator[TapeLoss]:
        """Loss calls that an expression is made of."""
        if depth == 0:
            return
        node = spot.node
        if isinstance(node, (ast.Name, ast.Attribute)):
            for binding in self._flow.values(spot):
                yield from self._of_value(binding.spot, binding.index, depth - 1)
        elif isinstance(node, ast.Call):
            yield from self._of_call(spot, node, depth)
        elif isinstance(node, (ast.BinOp, ast.UnaryOp, ast.IfExp, ast.Subscript)):
            for part in ast.iter_child_nodes(node):
                if isinstance(part, ast.expr) and part is not getattr(node, "slice", None):
                    yield from self.of(Spot(spot.cell, part), depth - 1)

    def _of_value(self, spot: Spot, index: int | None, depth: int) -> Iterator[TapeLoss]:
        node = spot.node
        if index is not None and isinstance(node, ast.Tuple) and index < len(node.elts):
            spot = Spot(spot.cell, node.elts[index])
        elif index is not None and isinstance(node, ast.Call):
            function = self._flow.called_function(spot)
            for value in self._flow.returns(function) if function is not None else ():
                yield from self._of_value(value, index, depth)
            return
        yield from self.of(spot, depth)

    def _of_call(self, spot: Spot, node: ast.Call, depth: int) -> Iterator[TapeLoss]:
        if (found := self.direct(spot)) is not None:
            yield found
        elif (function := self._flow.called_function(spot)) is not None:
            inner = [c for v in self._flow.returns(function) for c in self.of(v, depth - 1)]
            if not inner and (own := self._own(spot)) is not None:
                inner = [own]
            yield from inner
        else:  # tf.reduce_mean(loss), optimizer.scale_loss(loss)
            for part in node.args:
                yield from self.of(Spot(spot.cell, part), depth - 1)

    def direct(self, spot: Spot) -> TapeLoss | None:
        """The call itself, where it is one of a loss object, function or op."""
        node = spot.node
        assert isinstance(node, ast.Call)
        op = OPS.get(self._flow.names.keras(node.func) or "")
        if op is not None:
            loss = Loss(op, "op", Spot(spot.cell, node.func))
            return _tape_loss(spot, loss, ("labels", "logits"))
        called = Spot(spot.cell, node.func)
        if (function := _function(self._flow, node.func)) is not None:
            return _tape_loss(spot, Loss(function, "function", called), ("y_true", "y_pred"))
        if isinstance(node.func, ast.Attribute) and node.func.attr in ("gradient", "numpy"):
            return None
        for origin in self._flow.origins(called):
            made = origin.node
            name = self._flow.names.keras(getattr(made, "func", made)) or ""
            if isinstance(made, ast.Call) and name.startswith("keras.losses."):
                kind = name.rpartition(".")[2]
                loss = Loss(kind if kind in FUNCTIONS else None, "object", origin)
                return _tape_loss(spot, loss, ("y_true", "y_pred"))
            if (function := _function(self._flow, made)) is not None:
                return _tape_loss(spot, Loss(function, "function", origin), ("y_true", "y_pred"))
        return self._live(spot)

    def _live(self, spot: Spot) -> TapeLoss | None:
        """A live loss object whose construction is not in the cells."""
        assert isinstance(spot.node, ast.Call)
        value = self._flow.namespace.get(dotted(spot.node.func) or "")
        for parent in type(value).__mro__ if value is not None else ():
            if parent.__module__ == "keras.src.losses.losses" and parent.__name__ in FUNCTIONS:
                loss = Loss(parent.__name__, "own", Spot(spot.cell, spot.node.func))
                return _tape_loss(spot, loss, ("y_true", "y_pred"))
        return None

    def _own(self, spot: Spot) -> TapeLoss | None:
        assert isinstance(spot.node, ast.Call)
        if not _LOSS_LIKE.search(dotted(spot.node.func) or ""):
            return None
        loss = Loss(None, "own", Spot(spot.cell, spot.node.func))
        return _tape_loss(spot, loss, ("y_true", "y_pred"))


def _tape_loss(spot: Spot, loss: Loss, names: tuple[str, str]) -> TapeLoss | None:
    """Targets come first in Keras and TensorFlow alike."""
    call = spot.node
    assert isinstance(call, ast.Call)
    if any(isinstance(a, ast.Starred) for a in call.args):
        return None
    given = {k.arg: k.value for k in call.keywords}
    target, output = (
        call.args[i] if len(call.args) > i else given.get(name) for i, name in enumerate(names)
    )
    if target is None or output is None:
        return None
    return TapeLoss(loss, spot, Spot(spot.cell, output), Spot(spot.cell, target))
