"""The `compile` call that a `fit` goes by."""

from __future__ import annotations

import ast

from ..cells import Function, Spot
from ..flow import Flow
from ..scopes import bindings
from .models import Models


def compiled(flow: Flow, models: Models, model: Spot, before: Spot) -> Spot | None:
    """The latest `compile` call of a model above a place, or in a function."""
    nodes = {origin.node for origin in models.constructions(model)}
    found = [call for call in _calls(flow) if _is_of(models, call, model, nodes)]
    above = [call for call in found if _order(call) < _order(before) or _in_function(call)]
    return max(above, key=_order, default=None)


def _calls(flow: Flow) -> list[Spot]:
    return [
        Spot(cell, node)
        for cell in flow.latest_first
        for node in cell.nodes
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr == "compile"
    ]


def _is_of(models: Models, call: Spot, model: Spot, nodes: set[ast.AST]) -> bool:
    assert isinstance(call.node, ast.Call) and isinstance(call.node.func, ast.Attribute)
    owner = Spot(call.cell, call.node.func.value)
    if nodes:
        return any(origin.node in nodes for origin in models.constructions(owner))
    # A model whose construction is not in the cells goes by its name.
    named = not bindings(model.cell, model.cell.tree, model.text)
    return named and owner.text == model.text


def _order(spot: Spot) -> tuple[int, int]:
    return spot.cell.number, spot.line


def _in_function(spot: Spot) -> bool:
    return isinstance(spot.cell.function(spot.node), Function)
