"""Layers of a Keras model, from its output backwards, and the activations among them."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Literal

from ..callees import made_by_keras
from ..cells import Spot, line_of
from ..flow import Flow
from ..listing import parts
from ..scopes import Binding

_DEPTH = 64  # layers in a row
# Layers that are an activation, by class.
ACTIVATION_LAYERS = {
    "Softmax": "softmax",
    "ReLU": "relu",
    "LeakyReLU": "leaky_relu",
    "ELU": "elu",
}
_FUNCTIONS = frozenset(
    {"softmax", "sigmoid", "relu", "tanh", "elu", "selu", "gelu", "silu", "swish", "softplus"}
    | {"leaky_relu", "linear", "log_softmax", "log_sigmoid", "hard_sigmoid", "relu6", "exponential"}
)
# What changes no number: shape, type and what only acts while training.
_NEUTRAL = frozenset({"Flatten", "Reshape", "Dropout", "ActivityRegularization", "Identity"})
_SHAPES = frozenset({"reshape", "squeeze", "expand_dims", "cast", "identity"})


@dataclass(frozen=True)
class Step:
    """One layer or function on the way from the output to the input.

    ``made`` constructs the layer (None for a function); ``at`` is its element in the list or its
    `add` call, or the call that applies it to ``operand``.
    """

    made: Spot | None
    at: Spot
    operand: ast.expr | None = None
    looped: bool = False  # a loop applies it, to what it made in the round before

    @property
    def call(self) -> ast.Call | None:
        node = None if self.made is None else self.made.node
        return node if isinstance(node, ast.Call) else None


@dataclass(frozen=True)
class Activation:
    """An activation: an argument of a layer, a layer of its own, or a function that is applied."""

    kind: str
    form: Literal["argument", "layer", "function"]
    value: Spot  # what names it: the argument's value, the construction, the applied call
    step: Step


class Models:
    """Reads models."""

    def __init__(self, flow: Flow) -> None:
        self._flow = flow

    # From the output backwards

    def steps(self, model: Spot) -> list[Step]:
        """Layers of the model that an expression stands for; the output's comes first."""
        origins = self.constructions(model)
        return list(self._of_construction(origins[0], _DEPTH)) if len(origins) == 1 else []

    def behind(self, output: Spot) -> list[Step]:
        """Functions applied to a model's output, and the layers of that model."""
        return list(self._walk(output, _DEPTH))

    def constructions(self, model: Spot) -> list[Spot]:
        this = self._flow.self_class(model)
        if this is not None:
            return [this]
        return [o for o in self._flow.origins(model) if isinstance(o.node, ast.Call)]

    def _of_construction(self, made: Spot, depth: int) -> Iterator[Step]:
        if isinstance(made.node, ast.ClassDef):
            yield from self._of_class(made, depth)
            return
        assert isinstance(made.node, ast.Call)
        name = self._flow.names.keras(made.node.func) or ""
        if name == "keras.Sequential":
            for element, at in reversed(self._elements(made)):
                yield from self._of_element(element, at, depth - 1)
        elif name == "keras.Model":
            outputs = argument(made.node, "outputs", 1)
            if outputs is not None:
                yield from self._walk(Spot(made.cell, outputs), depth - 1)
        elif (owner := self._class(made)) is not None:
            yield from self._of_class(owner, depth)

    def _class(self, made: Spot) -> Spot | None:
        called = made.node.func if isinstance(made.node, ast.Call) else None
        return self._flow.class_named(called.id) if isinstance(called, ast.Name) else None

    def _of_class(self, owner: Spot, depth: int) -> Iterator[Step]:
        method = self._flow.method(owner, "call")
        values = self._flow.returns(method) if method is not None else []
        if depth and len(values) == 1:
            yield from self._walk(values[0], depth - 1)

    def _elements(self, made: Spot) -> list[tuple[Spot, Spot]]:
        """(layer, element or `add` call) of a Sequential, in their order."""
        assert isinstance(made.node, ast.Call)
        listed = argument(made.node, "layers", 0)
        found: list[tuple[Spot, Spot]] = []
        if listed is not None:
            held = parts(self._flow, Spot(made.cell, listed)) or []
            found += [(part.spot, part.spot) for part in held]
        added = self._added(made)
        # what a loop puts there last is not only the output layer
        return [] if listed is not None and held and held[-1].open and not added else found + added

    def _added(self, made: Spot) -> list[tuple[Spot, Spot]]:
        """Layers put into it by `add`."""
        found: list[tuple[Spot, Spot]] = []
        for cell in reversed(self._flow.latest_first):
            calls = [
                node
                for node in cell.nodes
                if isinstance(node, ast.Call)
                and isinstance(node.func, ast.Attribute)
                and node.func.attr == "add"
                and len(node.args) == 1
            ]
            for call in sorted(calls, key=line_of):
                assert isinstance(call.func, ast.Attribute)
                origins = self._flow.origins(Spot(cell, call.func.value))
                if any(o.node is made.node for o in origins):
                    found.append((Spot(cell, call.args[0]), Spot(cell, call)))
        return found

    def _of_element(self, element: Spot, at: Spot, depth: int) -> Iterator[Step]:
        origins = self._flow.origins(element)
        made = origins[0] if len(origins) == 1 else None
        inner = (
            list(self._of_construction(made, depth)) if made is not None and _is_call(made) else []
        )
        if inner and depth:
            yield from inner
        else:
            yield Step(made, at)

    def _walk(self, spot: Spot, depth: int) -> Iterator[Step]:
        """Along an expression: `Dense(3)(x)`, `self.head(x)`, `tf.nn.softmax(logits)`, a name."""
        node = spot.node
        if depth <= 0:
            return
        if isinstance(node, ast.Name):
            values = [b for b in self._flow.values(spot) if not b.loop and b.index is None]
            if len(values) == 1:
                yield from self._walk(values[0].spot, depth - 1)
            elif len(values) == 2 and _in_loop(values[0], spot):  # and what it begins with
                for step in self._walk(values[0].spot, depth - 1):
                    yield replace(step, looped=True)
        elif isinstance(node, ast.Subscript):
            yield from self._walk(Spot(spot.cell, node.value), depth - 1)
        elif isinstance(node, ast.Call):
            yield from self._walk_call(spot, node, depth)

    def _walk_call(self, spot: Spot, node: ast.Call, depth: int) -> Iterator[Step]:
        operand = node.args[0] if node.args else argument(node, "inputs", 0)
        name = self._flow.names.keras(node.func) or ""
        last = name.rpartition(".")[2]
        rest = None if operand is None else Spot(spot.cell, operand)
        if name.startswith(("keras.activations.", "keras.ops.", "tf.")):
            if last not in _SHAPES:
                yield Step(None, spot, operand)
            if rest is not None and last in _SHAPES | _FUNCTIONS:
                yield from self._walk(rest, depth - 1)
            return
        if isinstance(node.func, ast.Name) and (f := self._flow.function_named(node.func.id)):
            values = self._flow.returns(f)
            if len(values) == 1:
                yield from self._walk(values[0], depth - 1)
            return
        called = Spot(spot.cell, node.func)
        made = self.constructions(called)
        if not made and isinstance(node.func, ast.Call):
            made = [called]
        inner = list(self._of_construction(made[0], depth - 1)) if len(made) == 1 else []
        if inner:
            yield from inner
            return
        if len(made) == 1:
            yield Step(made[0], spot, operand)
        if rest is not None:
            yield from self._walk(rest, depth - 1)

    # Activations

    def kind(self, step: Step) -> str | None:
        """Class of the layer, `Dense` say; None for a function or a layer that is not known."""
        if step.call is None:
            return None
        assert step.made is not None
        name = made_by_keras(self._flow, step.made)
        return name.rpartition(".")[2] if name.startswith("keras.layers.") else None

    def activation(self, step: Step) -> Activation | None:
        """The activation that ends a step, None where it is linear or has none."""
        if step.made is None:
            name = self._flow.names.keras(getattr(step.at.node, "func", step.at.node)) or ""
            last = name.rpartition(".")[2]
            return Activation(last, "function", step.at, step) if last in _FUNCTIONS else None
        layer = self.kind(step)
        if layer is None or step.call is None:
            return None
        if layer in ACTIVATION_LAYERS:
            return Activation(ACTIVATION_LAYERS[layer], "layer", step.made, step)
        value = argument(step.call, "activation", 0 if layer == "Activation" else 1)
        if value is None or (layer != "Activation" and not _takes_activation(step.call, value)):
            return None
        spot = Spot(step.made.cell, value)
        kind = self._named(spot)
        if kind is None or kind == "linear":
            return None
        return Activation(kind, "layer" if layer == "Activation" else "argument", spot, step)

    def _named(self, value: Spot) -> str | None:
        """ "relu" of "relu", `keras.activations.relu`, `tf.nn.relu`, `layers.ReLU()`."""
        node = value.node
        if isinstance(node, ast.Constant):
            return node.value.lower() if isinstance(node.value, str) else None
        written = self._flow.literal(value)
        if written is not None:
            return self._named(written)
        origins = self._flow.origins(value)
        node = origins[0].node if len(origins) == 1 else node
        made = isinstance(node, ast.Call)
        name = self._flow.names.keras(node.func if isinstance(node, ast.Call) else node) or ""
        last = name.rpartition(".")[2]
        return ACTIVATION_LAYERS.get(last) if made else last if last in _FUNCTIONS else None

    def at_output(self, steps: list[Step]) -> list[Activation]:
        """Activations between the last layer with weights and the loss, nearest to it first."""
        found: list[Activation] = []
        for step in steps:
            activation = self.activation(step)
            if step.looped:
                return []
            if activation is not None:
                found.append(activation)
            if self._has_weights(step):
                break
        return found

    def last_layer(self, steps: list[Step]) -> Step | None:
        """The layer that makes the outputs."""
        found = next((step for step in steps if self._has_weights(step)), None)
        return None if found is None or found.looped else found

    def _has_weights(self, step: Step) -> bool:
        kind = self.kind(step)
        if step.made is None or kind in _NEUTRAL or kind in ACTIVATION_LAYERS:
            return False
        return kind != "Activation" and not (kind or "").startswith("Global")

    def hidden(self, model: Spot, steps: list[Step]) -> list[Activation]:
        """Activations in the layers below the last one, in the order of the text."""
        outer = {id(a.value.node) for a in self.at_output(steps)}
        found = [a for step in steps if (a := self.activation(step)) is not None]
        for origin in self.constructions(model):
            owner = origin if isinstance(origin.node, ast.ClassDef) else self._class(origin)
            if owner is not None:
                found += self._in_class(owner)
        hidden = {id(a.value.node): a for a in found if id(a.value.node) not in outer}
        return sorted(hidden.values(), key=lambda a: (a.value.cell.number, line_of(a.value.node)))

    def _in_class(self, owner: Spot) -> list[Activation]:
        found: list[Activation] = []
        for node in ast.walk(owner.node):
            if isinstance(node, ast.Call):
                spot = Spot(owner.cell, node)
                name = self._flow.names.keras(node.func) or ""
                if name.startswith("keras.layers."):
                    step = Step(spot, spot)
                elif name.startswith(("tf.", "keras.activations.", "keras.ops.")):
                    step = Step(None, spot, node.args[0] if node.args else None)
                else:
                    continue
                if (activation := self.activation(step)) is not None:
                    found.append(activation)
        return found


def argument(call: ast.Call, name: str, position: int) -> ast.expr | None:
    """The value of an argument, by name or by its place; None where it is not given."""
    for keyword in call.keywords:
        if keyword.arg == name:
            return keyword.value
    given = call.args[: position + 1]
    if len(given) <= position or any(isinstance(a, ast.Starred) for a in given):
        return None
    return given[position]


def _takes_activation(call: ast.Call, value: ast.expr) -> bool:
    """The second positional argument is the activation of `Dense` only."""
    return value not in call.args or (
        isinstance(call.func, (ast.Name, ast.Attribute))
        and ast.unparse(call.func).endswith("Dense")
    )


def _in_loop(binding: Binding, use: Spot) -> bool:
    """Whether a name is given that value in a loop that is over at its use."""
    around = [a for a in binding.cell.ancestors(binding.statement) if isinstance(a, ast.For)]
    return bool(around) and around[0] not in use.cell.ancestors(use.node)


def _is_call(spot: Spot) -> bool:
    return isinstance(spot.node, ast.Call)
