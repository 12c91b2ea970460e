"""The training call on a line: `fit` and the like, or the gradient and apply calls of a tape."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from types import ModuleType

from ..cells import Cell, Function, Spot, line_of, own_nodes
from ..flow import Flow
from ..names import dotted
from .losses import LossCalls, TapeLoss

# Positions of what a fix reads or sets; all else is given by name in practice.
_POSITIONS = {
    "fit": ("x", "y", "batch_size", "epochs"),
    "fit_generator": ("x",),
    "train_on_batch": ("x", "y", "sample_weight", "class_weight"),
}
# Arguments that no other library's `fit` takes.
_TELLING = frozenset(
    {"epochs", "verbose", "validation_data", "validation_split", "callbacks", "steps_per_epoch"}
)
_GRADIENT = frozenset({"gradient", "apply_gradients", "minimize"})
_MODELS = ("keras.Sequential", "keras.Model", "keras.applications.", "keras.models.")
_DEPTH = 3  # functions between the line and the tape: a loop calls an epoch, that calls a step


@dataclass(frozen=True)
class Fit:
    """A call of `fit` (or of its kin) of a Keras model."""

    spot: Spot

    @property
    def call(self) -> ast.Call:
        assert isinstance(self.spot.node, ast.Call)
        return self.spot.node

    @property
    def model(self) -> Spot:
        assert isinstance(self.call.func, ast.Attribute)
        return Spot(self.spot.cell, self.call.func.value)

    @property
    def method(self) -> str:
        assert isinstance(self.call.func, ast.Attribute)
        return self.call.func.attr

    def argument(self, name: str) -> Spot | None:
        for keyword in self.call.keywords:
            if keyword.arg == name:
                return Spot(self.spot.cell, keyword.value)
        names = _POSITIONS[self.method]
        position = names.index(name) if name in names else len(self.call.args)
        given = self.call.args[: position + 1]
        if position >= len(given) or any(isinstance(a, ast.Starred) for a in given):
            return None
        return Spot(self.spot.cell, given[position])

    @property
    def open(self) -> bool:
        """Whether arguments are given that the code does not show (`*args`, `**options`)."""
        return any(isinstance(a, ast.Starred) for a in self.call.args) or any(
            k.arg is None for k in self.call.keywords
        )


@dataclass(frozen=True)
class Tape:
    """A step written by hand: the losses that are sent through the tape, and where."""

    statement: Spot
    losses: tuple[TapeLoss, ...]

    @property
    def loss(self) -> TapeLoss | None:
        """The loss call, where there is no doubt which it is."""
        return self.losses[0] if len(self.losses) == 1 else None


def place(flow: Flow, cell: Cell, line: int) -> Fit | Tape | None:
    """What trains on the line, or in the functions that it calls; None where that is no Keras."""
    if not in_use(flow):
        return None
    for statement in cell.statements_at(line):
        spot = Spot(cell, statement)
        if (found := _fit(flow, spot)) is not None:
            return _own_step(flow, found) or found
        if (tape := _tape(flow, spot, _DEPTH)) is not None:
            return tape
    return None


def in_use(flow: Flow) -> bool:
    """Whether the user has anything of Keras or TensorFlow: most who use torch have not."""
    if flow.names.imports("keras") or flow.names.imports("tensorflow"):
        return True
    kinds = [(value, type(value)) for value in list(flow.namespace.values())]
    homes = (
        str(value.__name__) if issubclass(kind, ModuleType) else str(kind.__module__)
        for value, kind in kinds
    )
    return any(home.partition(".")[0] in ("keras", "tensorflow") for home in homes)


def _calls(statement: Spot) -> list[ast.Call]:
    assert isinstance(statement.node, ast.stmt)
    return [node for node in own_nodes(statement.node) if isinstance(node, ast.Call)]


def _fit(flow: Flow, statement: Spot) -> Fit | None:
    for call in _calls(statement):
        if isinstance(call.func, ast.Attribute) and call.func.attr in _POSITIONS:
            found = Fit(Spot(statement.cell, call))
            if _is_model(flow, found):
                return found
    return None


def _own_step(flow: Flow, fit: Fit) -> Tape | None:
    """The step that `fit` runs, where the model's class writes it and names a loss of its own."""
    owner = flow.class_of(fit.model)
    method = None if owner is None else flow.method(owner, "train_step")
    for node in method.cell.walk(method.node) if method is not None else ():
        if isinstance(node, ast.stmt):
            assert method is not None
            tape = _tape(flow, Spot(method.cell, node), 0)
            if tape is not None and tape.losses:
                return tape
    return None


def _is_model(flow: Flow, fit: Fit) -> bool:
    origins = [o for o in flow.origins(fit.model) if isinstance(o.node, ast.Call)]
    names = [flow.names.keras(getattr(o.node, "func", o.node)) or "" for o in origins]
    if any(name.startswith(_MODELS) for name in names):
        return True
    if (owner := flow.class_of(fit.model)) is not None and is_keras_class(flow, owner):
        return True
    name = dotted(fit.model.node)
    value = flow.namespace.get(name) if name is not None else None
    if value is not None and _is_global(fit.model):
        return any(c.__module__.partition(".")[0] == "keras" for c in type(value).__mro__)
    given = {keyword.arg for keyword in fit.call.keywords}
    imported = flow.names.imports("keras") or flow.names.imports("tensorflow")
    return imported and not names and bool(given & _TELLING)


def _is_global(spot: Spot) -> bool:
    return spot.cell.function(spot.node) is None


def is_keras_class(flow: Flow, owner: Spot) -> bool:
    """Whether a class of the user's is a model or layer of Keras."""
    assert isinstance(owner.node, ast.ClassDef)
    for base in owner.node.bases:
        if (flow.names.keras(base) or "").startswith("keras."):
            return True
        found = flow.class_named(base.id) if isinstance(base, ast.Name) else None
        if found is not None and found.node is not owner.node and is_keras_class(flow, found):
            return True
    return False


def _tape(flow: Flow, statement: Spot, depth: int) -> Tape | None:
    calls = LossCalls(flow)
    for call in _calls(statement):
        losses = list(_sent(flow, calls, Spot(statement.cell, call)))
        if losses or _is_gradient(flow, call):
            return Tape(statement, _unique(losses))
    direct = [
        found
        for call in _calls(statement)
        if (found := calls.direct(Spot(statement.cell, call))) is not None
    ]
    if direct:  # the loss call itself: it raised, or the tape's block was entered there
        return Tape(statement, _unique(direct))
    return _inside(flow, statement, depth - 1) if depth else None


def _is_gradient(flow: Flow, call: ast.Call) -> bool:
    """Whether it is surely one, though the loss behind it is not understood."""
    if not isinstance(call.func, ast.Attribute) or call.func.attr not in _GRADIENT:
        return False
    # np.gradient(y) and the like take no gradient of a loss
    return not (flow.names.path(call.func) or "").startswith(("numpy", "scipy", "torch"))


def _sent(flow: Flow, calls: LossCalls, call: Spot) -> Iterator[TapeLoss]:
    """Losses whose gradient a call takes, or applies."""
    assert isinstance(call.node, ast.Call)
    func = call.node.func
    if not isinstance(func, ast.Attribute) or func.attr not in (*_GRADIENT, "apply"):
        return
    args = call.node.args
    if func.attr in ("gradient", "minimize"):
        for loss in args[:1]:
            yield from calls.of(Spot(call.cell, loss))
        return
    for origin in _gradients(flow, call.cell, args[:1]):
        assert isinstance(origin.node, ast.Call)
        for loss in origin.node.args[:1]:
            yield from calls.of(Spot(origin.cell, loss))


def _gradients(flow: Flow, cell: Cell, given: list[ast.expr]) -> Iterator[Spot]:
    """`tape.gradient(...)` calls behind the argument of `apply_gradients(zip(grads, ...))`."""
    for node in given:
        inner = node.args[0] if isinstance(node, ast.Call) and node.args else node
        for origin in flow.origins(Spot(cell, inner)):
            called = origin.node.func if isinstance(origin.node, ast.Call) else None
            if isinstance(called, ast.Attribute) and called.attr == "gradient":
                yield origin


def _inside(flow: Flow, statement: Spot, depth: int) -> Tape | None:
    """The step in a function of the user's that the statement calls."""
    for call in _calls(statement):
        function = flow.called_function(Spot(statement.cell, call))
        if function is None:
            continue
        for node in sorted(function.cell.walk(function.node), key=line_of):
            if isinstance(node, ast.stmt) and not isinstance(node, Function):
                inner = Spot(function.cell, node)
                sends = any(
                    isinstance(c.func, ast.Attribute) and c.func.attr in _GRADIENT
                    for c in _calls(inner)
                )
                if (sends or depth) and (found := _tape(flow, inner, depth if not sends else 0)):
                    return found
    return None


def _unique(losses: list[TapeLoss]) -> tuple[TapeLoss, ...]:
    return tuple({id(loss.spot.node): loss for loss in losses}.values())
