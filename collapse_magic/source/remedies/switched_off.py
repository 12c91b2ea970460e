"""Where the code itself switches gradients off between the model and the loss."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from ..cells import Spot
from .base import Case

_SWITCHES = frozenset({"torch.no_grad", "torch.inference_mode"})


def switched_off(case: Case) -> Iterator[Spot]:
    """`torch.no_grad` and the like around the model's call or the loss: a block, a decorator."""
    places = [case.context.model, case.loss.spot if case.loss is not None else None]
    found: dict[ast.AST, Spot] = {}
    for function in _run_by_model(case):
        for node in (function.node, *function.cell.walk(function.node)):
            for func in _switching(case, Spot(function.cell, node)):
                found[func.node] = func
    for place in places:
        for above in place.cell.ancestors(place.node) if place is not None else ():
            assert place is not None
            for func in _switching(case, Spot(place.cell, above)):
                found[func.node] = func
    yield from found.values()


def _switching(case: Case, spot: Spot) -> Iterator[Spot]:
    """`torch.no_grad` of a block or a decorator."""
    made: list[ast.expr] = []
    if isinstance(spot.node, ast.With):
        made = [item.context_expr for item in spot.node.items]
    elif isinstance(spot.node, (ast.FunctionDef, ast.AsyncFunctionDef)):
        made = list(spot.node.decorator_list)
    for one in made:
        func = one.func if isinstance(one, ast.Call) else one
        if (case.flow.names.torch(func) or "") in _SWITCHES:
            yield Spot(spot.cell, func)


def _run_by_model(case: Case) -> list[Spot]:
    """The `forward` of the model's class, and what it calls of the user's."""
    owner = None if case.context.model is None else case.flow.class_of(case.context.model)
    forward = None if owner is None else case.flow.method(owner, "forward")
    found = {} if forward is None else {forward.node: forward}
    waiting = list(found.values())
    while waiting:
        function = waiting.pop()
        for node in function.cell.walk(function.node):
            if isinstance(node, ast.Call):
                inner = _called_by(case, Spot(function.cell, node))
                if inner is not None and inner.node not in found:
                    found[inner.node] = inner
                    waiting.append(inner)
    return list(found.values())


def _called_by(case: Case, call: Spot) -> Spot | None:
    """The function or method that a call runs, or the `forward` of a part of the model."""
    assert isinstance(call.node, ast.Call)
    found = case.flow.called_function(call)
    if found is not None:
        return found
    part = case.flow.class_of(Spot(call.cell, call.node.func))
    return None if part is None else case.flow.method(part, "forward")
