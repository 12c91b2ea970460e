"""From the backward call (or the loss call that raised) to the loss call and its construction."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass

from .callees import is_partial, made_by
from .cells import Cell, Spot, own_nodes
from .flow import Flow
from .names import dotted

_DEPTH = 12
# Names as the records spell them, by the class or function of torch.
KINDS = {
    "nn.BCELoss": "binary_cross_entropy",
    "nn.BCEWithLogitsLoss": "binary_cross_entropy_with_logits",
    "nn.CrossEntropyLoss": "cross_entropy",
    "nn.NLLLoss": "nll",
    "nn.MSELoss": "mse",
    "F.binary_cross_entropy": "binary_cross_entropy",
    "F.binary_cross_entropy_with_logits": "binary_cross_entropy_with_logits",
    "F.cross_entropy": "cross_entropy",
    "F.nll_loss": "nll",
    "F.mse_loss": "mse",
}
# The graph does not tell these two apart where the user writes log_softmax herself.
_FAMILY = {"nll": "cross_entropy"}
_OTHER_LOSS = re.compile(r"^(nn\.\w+Loss|F\.\w+_loss)$")
_LOSS_LIKE = re.compile(r"loss|criterion|bce|cross_?entropy|objective", re.IGNORECASE)
# Methods of library classes whose result is the loss, where `backward` is not in the user's cells.
_STEP_METHODS = ("training_step", "compute_loss", "train_step")


@dataclass(frozen=True)
class LossCall:
    """One call that computes a loss from outputs and targets."""

    cell: Cell
    call: ast.Call
    kind: str | None  # None: a loss of the user's own making
    functional: bool  # the kind's function is called, not a module
    construction: Spot | None  # of the module; inside the call where it is made there
    input: ast.expr
    target: ast.expr

    @property
    def spot(self) -> Spot:
        return Spot(self.cell, self.call)

    def argument(self, which: str) -> Spot:
        return Spot(self.cell, self.input if which == "input" else self.target)


class Losses:
    """Finds loss calls."""

    def __init__(self, flow: Flow) -> None:
        self._flow = flow

    def at(self, cell: Cell, line: int, kind: str | None) -> list[LossCall]:
        """Loss calls whose value the line sends backward; more than one: the code cannot tell."""
        for statement in cell.statements_at(line):
            if found := _unique(self._at_statement(cell, statement)):
                return _of_kind(found, kind)
        return []

    def _at_statement(self, cell: Cell, statement: ast.stmt) -> Iterator[LossCall]:
        calls = [node for node in own_nodes(statement) if isinstance(node, ast.Call)]
        backward = [value for call in calls for value in self._sent_backward(call)]
        for value in backward:
            yield from self.of(Spot(cell, value))
        if backward:
            return
        direct = [found for call in calls for found in self._direct(Spot(cell, call))]
        yield from direct
        if not direct:
            for call in calls:
                yield from self._inside_library(Spot(cell, call))

    def _sent_backward(self, call: ast.Call) -> list[ast.expr]:
        func = call.func
        if not isinstance(func, ast.Attribute):
            return []
        path = self._flow.names.torch(func) or ""
        if path in ("torch.autograd.backward", "torch.autograd.grad"):
            return call.args[:1]
        if func.attr == "manual_backward" or (func.attr == "backward" and call.args):
            # accelerator.backward(loss); but loss.backward(weights) has its loss in front
            return [*call.args[:1], func.value]
        return [func.value] if func.attr == "backward" else []

    def _inside_library(self, call: Spot) -> Iterator[LossCall]:
        """`trainer.fit(model)`: the loss is what a method of the model's class returns."""
        assert isinstance(call.node, ast.Call)
        func = call.node.func
        candidates = [*call.node.args, *(k.value for k in call.node.keywords)]
        if isinstance(func, ast.Attribute):
            candidates.append(func.value)
        for candidate in candidates:
            if not isinstance(candidate, (ast.Name, ast.Attribute)):
                continue
            owner = self._flow.class_of(Spot(call.cell, candidate))
            for name in _STEP_METHODS if owner is not None else ():
                assert owner is not None
                if (method := self._flow.method(owner, name)) is not None:
                    for value in self._flow.returns(method):
                        yield from self.of(value)

    def of(self, spot: Spot, depth: int = _DEPTH) -> Iterator[LossCall]:
        """Loss calls that an expression is made of."""
        if depth == 0:
            return
        node = spot.node
        if isinstance(node, (ast.Name, ast.Attribute)):
            for binding in self._flow.values(spot):
                yield from self._of_value(binding.spot, binding.index, depth - 1)
                if isinstance(binding.statement, ast.AugAssign) and isinstance(node, ast.Name):
                    earlier = ast.copy_location(ast.Name(node.id, ast.Load()), binding.statement)
                    binding.cell.parents[earlier] = binding.statement
                    yield from self.of(Spot(binding.cell, earlier), depth - 1)
        elif isinstance(node, ast.Call):
            yield from self._of_call(spot, node, depth)
        elif isinstance(node, (ast.Dict, ast.List, ast.Tuple)):
            for value in node.values if isinstance(node, ast.Dict) else node.elts:
                yield from self.of(Spot(spot.cell, value), depth - 1)
        elif isinstance(node, (ast.ListComp, ast.GeneratorExp)):
            yield from self.of(Spot(spot.cell, node.elt), depth - 1)
        elif isinstance(node, ast.DictComp):
            yield from self.of(Spot(spot.cell, node.value), depth - 1)
        elif isinstance(node, (ast.BinOp, ast.UnaryOp, ast.IfExp, ast.Await, ast.Subscript)):
            for part in ast.iter_child_nodes(node):
                if isinstance(part, ast.expr) and part is not getattr(node, "slice", None):
                    yield from self.of(Spot(spot.cell, part), depth - 1)

    def _of_value(self, spot: Spot, index: int | None, depth: int) -> Iterator[LossCall]:
        if index is not None and isinstance(spot.node, ast.Tuple) and index < len(spot.node.elts):
            spot = Spot(spot.cell, spot.node.elts[index])
        if index is not None and isinstance(spot.node, ast.Call):
            function = self._flow.called_function(spot)
            for value in self._flow.returns(function) if function is not None else ():
                yield from self._of_value(value, index, depth)
            return
        yield from self.of(spot, depth)

    def _of_call(self, spot: Spot, node: ast.Call, depth: int) -> Iterator[LossCall]:
        direct = list(self._direct(spot))
        if direct:
            yield from direct
            return
        inner: list[LossCall] = []
        if (function := self._flow.called_function(spot)) is not None:
            for value in self._flow.returns(function):
                inner.extend(self.of(value, depth - 1))
        else:  # scaler.scale(loss), loss.mean(), sum(losses)
            parts = [*node.args]
            if isinstance(node.func, ast.Attribute):
                parts.append(node.func.value)
            for part in parts:
                inner.extend(self.of(Spot(spot.cell, part), depth - 1))
                inner.extend(self._appended(Spot(spot.cell, part), depth - 1))
        if inner:
            yield from inner
        elif function is not None and (own := self._own_loss(spot, None)) is not None:
            yield own

    def _appended(self, spot: Spot, depth: int) -> Iterator[LossCall]:
        """Losses put into a list that an expression is made of: `losses.append(...)`."""
        if not isinstance(spot.node, ast.Name):
            return
        for node in spot.cell.walk(spot.cell.scope(spot.node)):
            if (
                isinstance(node, ast.Call)
                and node.args
                and dotted(node.func) == f"{spot.node.id}.append"
            ):
                yield from self.of(Spot(spot.cell, node.args[0]), depth)

    def _direct(self, spot: Spot) -> Iterator[LossCall]:
        """The call itself, where it is one of a loss function or module."""
        node = spot.node
        assert isinstance(node, ast.Call)
        name = self._flow.names.torch(node.func)
        if (kind := _functional(name)) is not None:
            if (call := _loss_call(spot, kind, True, None)) is not None:
                yield call
            return
        if isinstance(node.func, ast.Attribute) and node.func.attr in ("backward", "step", "item"):
            return
        origins = self._flow.origins(Spot(spot.cell, node.func))
        for origin in origins:
            if (call := self._by_origin(spot, origin)) is not None:
                yield call
        if not origins and (call := self._by_object(spot)) is not None:
            yield call

    def _by_origin(self, spot: Spot, origin: Spot) -> LossCall | None:
        made = origin.node
        if isinstance(made, ast.Call):
            name = made_by(self._flow, origin) or ""
            if name.startswith("nn.") and (kind := _kind(name)) is not None:
                return _loss_call(spot, kind, False, origin)
            if is_partial(self._flow, origin):
                kind = _functional(name)
                return None if kind is None else _loss_call(spot, kind, True, origin)
            called = dotted(made.func) or ""
            if _LOSS_LIKE.search(called) and self._flow.class_named(called) is not None:
                return self._own_loss(spot, origin)
            return None
        kind = _functional(self._flow.names.torch(made))
        return None if kind is None else _loss_call(spot, kind, True, None)

    def _by_object(self, spot: Spot) -> LossCall | None:
        """A live loss module whose construction is not in the cells."""
        assert isinstance(spot.node, ast.Call)
        value = self._flow.namespace.get(dotted(spot.node.func) or "")
        for parent in type(value).__mro__ if value is not None else ():
            if parent.__module__ == "torch.nn.modules.loss":
                kind = _kind(f"nn.{parent.__name__}")
                return None if kind is None else _loss_call(spot, kind, False, None)
        return None

    def _own_loss(self, spot: Spot, origin: Spot | None) -> LossCall | None:
        assert isinstance(spot.node, ast.Call)
        if origin is None and not _LOSS_LIKE.search(dotted(spot.node.func) or ""):
            return None
        return _loss_call(spot, None, False, origin)


def _functional(name: str | None) -> str | None:
    if name is None or not name.startswith(("F.", "torch.")):
        return None
    return _kind("F." + name.rpartition(".")[2])


def _kind(name: str) -> str | None:
    if name in KINDS:
        return KINDS[name]
    return name.partition(".")[2] if _OTHER_LOSS.match(name) else None


def _loss_call(
    spot: Spot, kind: str | None, functional: bool, construction: Spot | None
) -> LossCall | None:
    call = spot.node
    assert isinstance(call, ast.Call)
    given = {k.arg: k.value for k in call.keywords}
    args = [a for a in call.args if not isinstance(a, ast.Starred)]
    if kind is None:  # a loss of the user's own: its parameters may have any name
        given = dict(zip(("input", "target"), [*args, *given.values()], strict=False))
    first = args[0] if args else given.get("input")
    target = args[1] if len(args) > 1 else given.get("target")
    if first is None or target is None or len(args) != len(call.args):
        return None
    return LossCall(spot.cell, call, kind, functional, construction, first, target)


def _unique(found: Iterator[LossCall]) -> list[LossCall]:
    return list(
        {id(c.call) + id(c.construction and c.construction.node): c for c in found}.values()
    )


def _of_kind(found: list[LossCall], kind: str | None) -> list[LossCall]:
    """Those of the kind that was seen while training; none where the code found contradicts it."""
    if kind is None or kind not in KINDS.values():
        return found
    family = _FAMILY.get(kind, kind)
    same = [c for c in found if _FAMILY.get(c.kind or "", c.kind) == family]
    return same or [c for c in found if c.kind not in KINDS.values()]
