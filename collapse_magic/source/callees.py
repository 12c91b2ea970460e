"""What a call runs or makes, however that is named: by an alias, from a table, as a partial."""

from __future__ import annotations

import ast
from dataclasses import dataclass
from typing import TYPE_CHECKING

from .cells import Function, Spot
from .names import dotted, keras_name, torch_name
from .readers import unfolded
from .settings import entries, is_closed

if TYPE_CHECKING:
    from .flow import Flow

_DEPTH = 8  # names between a call and what it calls


def callees(flow: Flow, func: Spot, depth: int = _DEPTH) -> list[Spot]:
    """Functions, classes and lambdas of the user's, partials, and names of libraries that an
    expression may stand for where it is called."""
    node = func.node
    if depth == 0:
        return []
    if isinstance(node, ast.Lambda):
        return [func]
    if isinstance(node, ast.IfExp):
        arms = (Spot(func.cell, arm) for arm in (node.body, node.orelse))
        return [found for arm in arms for found in callees(flow, arm, depth - 1)]
    if isinstance(node, ast.Call):
        known = is_partial(flow, func) or flow.names.path(node) is not None
        return [func] if known else []
    if isinstance(node, ast.Subscript):
        chosen = flow.chosen(func, node)
        return [found for one in chosen for found in callees(flow, one, depth - 1)]
    if not isinstance(node, (ast.Name, ast.Attribute)):
        return []
    values = [b for b in flow.values(func) if b.index is None and not b.loop]
    if values:
        return [found for b in values for found in callees(flow, b.spot, depth - 1)]
    if isinstance(node, ast.Name):
        own = flow.function_named(node.id) or flow.class_named(node.id)
        if own is not None:
            return [own]
    return [func] if flow.names.path(node) is not None else []


def is_partial(flow: Flow, spot: Spot) -> bool:
    """Whether an expression is `functools.partial(something, ...)`."""
    node = spot.node
    if not isinstance(node, ast.Call) or not node.args:
        return False
    return (flow.names.path(node.func) or dotted(node.func)) in ("functools.partial", "partial")


def called_path(flow: Flow, made: Spot) -> str | None:
    """The library's path of what a construction calls, however the code names it."""
    if not isinstance(made.node, ast.Call):
        return None
    func = made.node.args[0] if is_partial(flow, made) else made.node.func
    path = flow.names.path(func)
    if path is not None or isinstance(func, ast.Call):
        return path
    found = callees(flow, Spot(made.cell, func))
    paths = {flow.names.path(one.node) if isinstance(one.node, ast.expr) else None for one in found}
    return paths.pop() if len(paths) == 1 else None


def made_by(flow: Flow, made: Spot) -> str | None:
    """`optim.Adam`: what of torch a construction calls."""
    path = called_path(flow, made)
    return None if path is None else torch_name(path)


def made_by_keras(flow: Flow, made: Spot) -> str:
    """`keras.optimizers.Adam`: what of Keras a construction calls; empty where it calls nothing."""
    path = called_path(flow, made)
    return "" if path is None else keras_name(path)


def argument_of(flow: Flow, call: Spot, name: str, position: int | None = None) -> Spot | None:
    """The value of an argument: written in the call, or in the `**options` that it is given."""
    at = given_at(flow, call, name, position)
    if at is None or at.held is not None:
        return None if at is None else at.held
    node = at.spot.node
    assert isinstance(node, ast.Call)
    for keyword in node.keywords:
        if keyword.arg == name:
            return Spot(at.spot.cell, keyword.value)
    if position is None or node is not call.node or position >= len(node.args):
        return None
    starred = any(isinstance(one, ast.Starred) for one in node.args[: position + 1])
    return None if starred else Spot(call.cell, node.args[position])


@dataclass(frozen=True)
class Place:
    """Where an argument is to be set: at a call; else in place of an entry of a dict, or, where
    other calls unfold that dict too, in place of the dict in this one."""

    spot: Spot
    held: Spot | None = None  # the entry, where there is one

    @property
    def shared(self) -> bool:
        return self.held is not None and self.held.node is not self.spot.node


def given_at(
    flow: Flow, call: Spot, name: str, position: int | None = None, depth: int = _DEPTH
) -> Place | None:
    """Where an argument of a call is to be set.

    That is the call itself, unless it hands on `**options`: then what these are made of. None where
    the code does not tell.
    """
    node = call.node
    assert isinstance(node, ast.Call)
    by_position = position is not None and position < len(node.args)
    if by_position or any(keyword.arg == name for keyword in node.keywords):
        return Place(call)
    for keyword in node.keywords:
        if keyword.arg is not None:
            continue
        options = Spot(call.cell, keyword.value)
        further = _handed_on(flow, options)
        if further is not None:
            return given_at(flow, further, name, None, depth - 1) if depth else None
        tables = flow.origins(options)
        if len(tables) != 1:
            return None
        held = entries(tables[0], name)
        if held:
            shared = len(unfolded(flow, tables[0])) > 1
            return Place(options if shared else held[-1], held[-1])
        if not is_closed(tables[0]):
            return None
    return Place(call)


def _handed_on(flow: Flow, options: Spot) -> Spot | None:
    """The one call of the function around, where `options` is what it takes as `**options`."""
    function = options.cell.function(options.node)
    if not isinstance(options.node, ast.Name) or not isinstance(function, Function):
        return None
    taken = function.args.kwarg
    if taken is None or taken.arg != options.node.id:
        return None
    calls = list(flow.calls(Spot(options.cell, function)))
    return calls[0][0] if len(calls) == 1 else None
