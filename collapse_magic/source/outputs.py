"""From the loss's input back to the last layer: activations on the way, and the model."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass

from .callees import made_by
from .cells import Spot
from .flow import Flow
from .listing import Part, parts
from .names import dotted

_DEPTH = 16
# How torch spells each activation; the module's class, the functions, the tensor method.
MODULES = {
    "nn.Softmax": "softmax",
    "nn.LogSoftmax": "log_softmax",
    "nn.Sigmoid": "sigmoid",
    "nn.ReLU": "relu",
    "nn.Tanh": "tanh",
    "nn.LogSigmoid": "log_sigmoid",
    "nn.LeakyReLU": "leaky_relu",
    "nn.ELU": "elu",
    "nn.GELU": "gelu",
    "nn.SiLU": "silu",
    "nn.Softplus": "softplus",
}
_FUNCTIONS = frozenset(MODULES.values()) | {"logsigmoid"}
# What does not change the numbers: the output is the same in another shape, type or place.
_SHAPES = frozenset(
    {"squeeze", "unsqueeze", "view", "reshape", "flatten", "ravel", "contiguous"}
    | {"float", "double", "type", "to", "cuda", "cpu"}
)
# Where the model zoos keep the last layers.
_HEADS = frozenset({"fc", "classifier", "head", "heads", "last_linear", "output", "out"})


@dataclass(frozen=True)
class Activation:
    """An activation between the last layer and the loss.

    ``spot`` is the call that applies it, with ``operand`` its argument; or an element of an
    ``nn.Sequential``, whose operand is None. ``construction`` is the module's, where one is known.
    """

    kind: str
    spot: Spot
    operand: ast.expr | None
    construction: Spot | None = None


@dataclass(frozen=True)
class Path:
    """One way back from the loss's input: activations, nearest to the loss first, then a layer."""

    activations: tuple[Activation, ...]
    last: Spot | None  # the last layer: its construction, its element or its call
    models: tuple[Spot, ...] = ()  # expressions that are called as models, outermost first


class Outputs:
    """Walks outputs back."""

    def __init__(self, flow: Flow) -> None:
        self._flow = flow

    def paths(self, spot: Spot) -> list[Path]:
        return list(self._walk(spot, Path((), None), None, _DEPTH))

    def _walk(self, spot: Spot, path: Path, index: int | None, depth: int) -> Iterator[Path]:
        node = spot.node
        if depth == 0:
            yield path
        elif isinstance(node, ast.Name):
            yield from self._walk_name(spot, path, depth)
        elif isinstance(node, ast.Tuple) and index is not None and index < len(node.elts):
            yield from self._walk(Spot(spot.cell, node.elts[index]), path, None, depth - 1)
        elif isinstance(node, (ast.NamedExpr, ast.Await)):
            yield from self._walk(Spot(spot.cell, node.value), path, index, depth - 1)
        elif isinstance(node, ast.Subscript):  # outputs[:, 0], model(x)[0]
            part = node.slice.value if isinstance(node.slice, ast.Constant) else None
            part = part if isinstance(part, int) else index
            yield from self._walk(Spot(spot.cell, node.value), path, part, depth - 1)
        elif isinstance(node, ast.Call):
            yield from self._walk_call(spot, node, path, index, depth)
        else:
            yield path

    def _walk_name(self, spot: Spot, path: Path, depth: int) -> Iterator[Path]:
        bindings = [b for b in self._flow.values(spot) if not b.loop]
        if not bindings:
            yield path
        for binding in bindings:
            yield from self._walk(binding.spot, path, binding.index, depth - 1)

    def _walk_call(
        self, spot: Spot, node: ast.Call, path: Path, index: int | None, depth: int
    ) -> Iterator[Path]:
        func = node.func
        if (applied := self.activation(spot)) is not None and applied.operand is not None:
            further = Path((*path.activations, applied), None, path.models)
            yield from self._walk(Spot(spot.cell, applied.operand), further, None, depth - 1)
        elif (name := self._flow.names.torch(func)) and name.startswith(("torch.", "F.")):
            if name.rpartition(".")[2] in _SHAPES and node.args:
                yield from self._walk(Spot(spot.cell, node.args[0]), path, None, depth - 1)
            else:
                yield Path(path.activations, spot, path.models)
        elif isinstance(func, ast.Attribute) and func.attr in _SHAPES:
            yield from self._walk(Spot(spot.cell, func.value), path, index, depth - 1)
        else:
            yield from self._walk_model(spot, node, path, index, depth)

    def activation(self, spot: Spot) -> Activation | None:
        """The activation that a call applies: a function, a method or a module."""
        node = spot.node
        if not isinstance(node, ast.Call):
            return None
        first = (
            node.args[0]
            if node.args
            else next((k.value for k in node.keywords if k.arg == "input"), None)
        )
        name = self._flow.names.torch(node.func) or ""
        last = name.rpartition(".")[2].rstrip("_")
        if name.startswith(("F.", "torch.")) and last in _FUNCTIONS:
            return None if first is None else Activation(_plain(last), spot, first)
        func = node.func
        method = func.attr.rstrip("_") if isinstance(func, ast.Attribute) and not name else ""
        if method in _FUNCTIONS and not self._is_module(Spot(spot.cell, func)):
            assert isinstance(func, ast.Attribute)
            return Activation(_plain(method), spot, func.value)
        if first is None:
            return None
        origins = self._flow.origins(Spot(spot.cell, func))
        kinds = {self.kind(origin) for origin in origins}
        if len(kinds) == 1 and (kind := kinds.pop()) is not None:
            return Activation(kind, spot, first, origins[0])
        return None

    def kind(self, construction: Spot) -> str | None:
        """ "sigmoid" for `nn.Sigmoid()` and so on; also for the function itself, passed by name."""
        node = construction.node
        if isinstance(node, ast.Call):
            return MODULES.get(made_by(self._flow, construction) or "")
        name = self._flow.names.torch(node) or ""
        last = name.rpartition(".")[2]
        return _plain(last) if name.startswith(("F.", "torch.")) and last in _FUNCTIONS else None

    def _is_module(self, spot: Spot) -> bool:
        """`self.softmax(x)` calls a module of that name, not a tensor's method."""
        return bool(self._flow.values(spot))

    def _walk_model(
        self, spot: Spot, node: ast.Call, path: Path, index: int | None, depth: int
    ) -> Iterator[Path]:
        called = Spot(spot.cell, node.func)
        if isinstance(node.func, ast.Name) and (f := self._flow.function_named(node.func.id)):
            yield from self._walk_returns(f, path, index, depth)
            return
        path = Path(path.activations, spot, (*path.models, called))
        method = self._method(called)
        if method is not None:
            yield from self._walk_returns(method, path, index, depth)
            return
        origins = self._head(called) or self._flow.origins(called)
        if not origins:
            yield path
        for origin in origins:
            yield from self._walk_construction(origin, path, depth)

    def _head(self, called: Spot) -> list[Spot]:
        """What `model.fc = ...` put on top of a ready-made model, the latest such statement."""
        if not isinstance(called.node, ast.Name):
            return []
        for cell in self._flow.latest_first:
            for node in reversed(cell.nodes):
                target = node.targets[0] if isinstance(node, ast.Assign) else None
                if (
                    isinstance(target, ast.Attribute)
                    and target.attr in _HEADS
                    and dotted(target.value) == called.node.id
                ):
                    assert isinstance(node, ast.Assign)
                    return self._flow.origins(Spot(cell, node.value))
        return []

    def _method(self, called: Spot) -> Spot | None:
        """`forward` of the class of the model that is called, or the method called by name."""
        owner = self._flow.class_of(called)
        if owner is not None:
            return self._flow.method(owner, "forward")
        if isinstance(called.node, ast.Attribute):
            holder = self._flow.class_of(Spot(called.cell, called.node.value))
            if holder is not None:
                return self._flow.method(holder, called.node.attr)
        return None

    def _walk_returns(
        self, function: Spot, path: Path, index: int | None, depth: int
    ) -> Iterator[Path]:
        values = self._flow.returns(function)
        if not values:
            yield path
        for value in values:
            yield from self._walk(value, path, index, depth - 1)

    def _walk_construction(self, made: Spot, path: Path, depth: int) -> Iterator[Path]:
        elements = self.elements(made)
        if elements is None:
            yield Path(path.activations, made, path.models)
            return
        activations = list(path.activations)
        for element in reversed(elements):
            origins = self._flow.origins(element)
            kind = self.kind(origins[0]) if len(origins) == 1 else None
            if kind is not None:
                activations.append(Activation(kind, element, None, origins[0]))
                continue
            reached = Path(tuple(activations), element, path.models)
            inner = origins[0] if len(origins) == 1 else None
            owner = self._flow.class_of(element) if inner is not None else None
            forward = self._flow.method(owner, "forward") if owner is not None else None
            if depth and forward is not None:
                yield from self._walk_returns(forward, reached, None, depth - 1)
            elif depth and inner is not None and self.elements(inner) is not None:
                yield from self._walk_construction(inner, reached, depth - 1)
            else:
                yield reached
            return
        yield Path(tuple(activations), None, path.models)

    def elements(self, made: Spot) -> list[Spot] | None:
        """Modules of an `nn.Sequential(...)`, `OrderedDict` and `*list` too; None if it is none, or
        if the code does not tell which come last."""
        found = self.listed(made)
        if found is None or (found and found[-1].open):
            return None
        return [part.spot for part in found]

    def listed(self, made: Spot) -> list[Part] | None:
        """Modules of an `nn.Sequential(...)`, those that a loop puts there once."""
        node = made.node
        if not isinstance(node, ast.Call):
            return None
        if made_by(self._flow, made) != "nn.Sequential" and not self._begins(made):
            return None
        if len(node.args) == 1 and (dotted(_func(node.args[0])) or "").endswith("OrderedDict"):
            pairs = getattr(node.args[0], "args", [])
            entries = pairs[0].elts if pairs and isinstance(pairs[0], (ast.List, ast.Tuple)) else []
            return [
                Part(Spot(made.cell, pair.elts[1]))
                for pair in entries
                if isinstance(pair, (ast.Tuple, ast.List)) and len(pair.elts) == 2
            ]
        found: list[Part] = []
        for arg in node.args:
            inner: list[Part] | None = [Part(Spot(made.cell, arg))]
            if isinstance(arg, ast.Starred):
                inner = parts(self._flow, Spot(made.cell, arg.value))
            if inner is None:
                return None
            found += inner
        return found

    def _begins(self, call: Spot) -> bool:
        """`super().__init__(...)` in a class of the user's that is an `nn.Sequential`."""
        owner = call.cell.owner(call.node)
        called = call.node.func if isinstance(call.node, ast.Call) else None
        if owner is None or not isinstance(called, ast.Attribute) or called.attr != "__init__":
            return False
        above = called.value
        return (
            isinstance(above, ast.Call)
            and dotted(above.func) == "super"
            and any(self._flow.names.torch(base) == "nn.Sequential" for base in owner.bases)
        )


def _func(node: ast.AST) -> ast.AST:
    return node.func if isinstance(node, ast.Call) else node


def _plain(name: str) -> str:
    return "log_sigmoid" if name == "logsigmoid" else name
