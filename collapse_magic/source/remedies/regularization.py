"""lower-weight-decay and lower-dropout: how strongly the model is held back."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from ...findings import Fix
from ..cells import Cell, Spot
from ..flow import Flow
from ..optimizers import optimizers
from ..patch import Patch, example, number
from ..settings import entries
from .base import Case

# Calls and names between a factor and the parameters that it is the factor of.
_FOLLOWED = 3
_WEAKER = 100


def lower_weight_decay(case: Case) -> Fix | None:
    """`weight_decay` at the optimizer's construction or in its groups; or the factor of a penalty
    that is added to the loss."""
    new = number(case.values["new"])
    if not case.values.get("old"):
        return _weaken_penalty(case) or example(
            case.title, [], ["# a hundredth of the penalty that is added to the loss, or less"]
        )
    found = optimizers(case.flow, case.cell, case.line)
    if len(found) != 1:
        return example(case.title, [], [f"weight_decay={new}  # of the optimizer"])
    patch = Patch(case.flow)
    groups = group_values(case.flow, found[0], "weight_decay")
    for given in groups:
        written_at = case.flow.literal(given)
        value = None if written_at is None else getattr(written_at.node, "value", None)
        if value != 0:  # zero is meant: biases are left alone
            patch.replace(given, new)
    if not groups or _named(found[0], "weight_decay"):
        patch.set_argument(found[0], "weight_decay", new)
    return patch.fix(case.title)


def _named(made: Spot, name: str) -> bool:
    assert isinstance(made.node, ast.Call)
    return any(keyword.arg == name for keyword in made.node.keywords)


def group_values(flow: Flow, made: Spot, name: str) -> list[Spot]:
    """Values of "lr" in `optim.SGD([{"params": ..., "lr": ...}])`, wherever that list is made."""
    assert isinstance(made.node, ast.Call)
    lists = flow.origins(Spot(made.cell, made.node.args[0])) if made.node.args else []
    listed = lists[0] if len(lists) == 1 else None
    if listed is None or not isinstance(listed.node, (ast.List, ast.Tuple)):
        return []
    held = [one for group in listed.node.elts for one in flow.origins(Spot(listed.cell, group))]
    return [value for group in held for value in entries(group, name)]


def _weaken_penalty(case: Case) -> Fix | None:
    """A hundredth of the factors of sums over the weights, around the backward call and in the
    functions that are called there."""
    found: dict[ast.AST, tuple[Spot, float]] = {}
    for product in _products(case):
        assert isinstance(product.node, ast.BinOp)
        for factor, rest in (
            (product.node.left, product.node.right),
            (product.node.right, product.node.left),
        ):
            given = Spot(product.cell, factor)
            number_at = case.flow.literal(given)
            if number_at is not None and _of_weights(case, Spot(product.cell, rest), _FOLLOWED):
                value = getattr(number_at.node, "value", None)
                if isinstance(value, bool) or not isinstance(value, (int, float)):
                    return None
                found[number_at.node] = case.flow.own_literal(given) or given, float(value)
    patch = Patch(case.flow)
    for at, value in found.values():
        if value:
            patch.replace(at, number(value / _WEAKER))
    return patch.fix(case.title)


def _products(case: Case) -> Iterator[Spot]:
    cell = case.cell
    around = cell.scope(case.context.statement.node)
    scopes: dict[ast.AST, Cell] = {around: cell}
    for node in cell.walk(around):
        function = case.flow.called_function(Spot(cell, node)) if _is_call(node) else None
        if function is not None:
            scopes[function.node] = function.cell
    for scope, home in scopes.items():
        for node in home.walk(scope):
            if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mult):
                yield Spot(home, node)


def _is_call(node: ast.AST) -> bool:
    return isinstance(node, ast.Call)


def _of_weights(case: Case, spot: Spot, depth: int) -> bool:
    """Whether an expression runs over the parameters of a model."""
    for node in ast.walk(spot.node):
        if isinstance(node, ast.Attribute) and node.attr in ("parameters", "named_parameters"):
            return True
        if depth and isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
            bound = case.flow.values(Spot(spot.cell, node))
            if any(_of_weights(case, one.spot, depth - 1) for one in bound):
                return True
        if depth and isinstance(node, ast.Call):
            function = case.flow.called_function(Spot(spot.cell, node))
            values = [] if function is None else case.flow.returns(function)
            if any(_of_weights(case, one, depth - 1) for one in values):
                return True
    return False


def lower_dropout(case: Case) -> Fix | None:
    """The probability of the dropouts that have the measured one, where that is written."""
    old, new = float(case.values["old"]), number(case.values["new"])
    made = [
        Spot(cell, node)
        for cell in case.flow.latest_first
        for node in cell.nodes
        if isinstance(node, ast.Call)
        and (case.flow.names.torch(node.func) or "").startswith("nn.Dropout")
    ]
    patch = Patch(case.flow)
    if weaken(case.flow, patch, made, "p", old, new):
        return patch.fix(case.title)
    shown = list(dict.fromkeys(spot.text for spot in made))
    return example(case.title, shown, [f"nn.Dropout({new})"])


def weaken(flow: Flow, patch: Patch, made: list[Spot], name: str, old: float, new: str) -> bool:
    """Write `new` where the calls take `old` from: there, or where a setting is written."""
    strong = [
        given for call in made if (given := _given(call, name)) and _value(flow, given) == old
    ]
    for given in strong:
        at = flow.own_literal(given, len(strong))
        patch.replace(given if at is None else at, new)
    return bool(strong)


def _given(call: Spot, name: str) -> Spot | None:
    """What a call is given by this name or first."""
    assert isinstance(call.node, ast.Call)
    named = [k.value for k in call.node.keywords if k.arg == name]
    given = named[0] if named else call.node.args[0] if call.node.args else None
    return None if given is None else Spot(call.cell, given)


def _value(flow: Flow, given: Spot) -> float | None:
    """The number that an expression stands for."""
    found = flow.literal(given)
    value = None if found is None else getattr(found.node, "value", None)
    return float(value) if isinstance(value, (int, float)) else None
