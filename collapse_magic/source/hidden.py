"""Activations between the layers of a model, those on its output left out."""

from __future__ import annotations

import ast

from .callees import made_by
from .cells import Spot, line_of
from .context import Context
from .listing import Part, parts
from .outputs import Activation


def hidden_activations(context: Context) -> list[Activation]:
    """Where hidden activations are applied or listed, in the order of the text.

    A call in `forward` (module, function or method), or an element of an `nn.Sequential`.
    """
    model = context.model
    if model is None:
        return []
    at_output = {a.spot.node for path in context.paths for a in path.activations}
    found: list[Activation] = []
    owner = context.flow.class_of(model)
    if owner is not None:
        found = _in_class(context, owner)
    else:
        for made in context.flow.origins(model):
            found += _in_made(context, made, frozenset())
    hidden = [a for a in found if a.spot.node not in at_output]
    return sorted(hidden, key=lambda a: (a.spot.cell.number, line_of(a.spot.node)))


def _in_class(
    context: Context, owner: Spot, seen: frozenset[ast.AST] = frozenset()
) -> list[Activation]:
    found: dict[ast.AST, Activation] = {}
    for node in ast.walk(owner.node):
        if not isinstance(node, ast.Call):
            continue
        spot = Spot(owner.cell, node)
        for activation in _in_made(context, spot, seen | {owner.node}):
            found[activation.spot.node] = activation
        applied = context.outputs.activation(spot)
        if applied is not None:
            found[node] = applied
    return list(found.values())


def _in_made(context: Context, made: Spot, seen: frozenset[ast.AST]) -> list[Activation]:
    """In what a call makes: a list of layers, or a block of a class of the user's."""
    found: list[Activation] = []
    flow = context.flow
    called = made.node.func if isinstance(made.node, ast.Call) else None
    own = flow.class_named(called.id) if isinstance(called, ast.Name) else None
    if own is not None:
        return [] if own.node in seen else _in_class(context, own, seen)
    for part in _listed(context, made):
        element = part.spot
        origins = flow.origins(element)
        if len(origins) != 1:
            continue
        kind = context.outputs.kind(origins[0])
        if kind is not None:
            found.append(Activation(kind, element, None, origins[0]))
        elif made.node is not origins[0].node:
            found += _in_made(context, origins[0], seen)
    return found


def _listed(context: Context, made: Spot) -> list[Part]:
    """Elements of an `nn.Sequential(...)` or an `nn.ModuleList([...])`."""
    node = made.node
    if isinstance(node, ast.Call) and node.args and made_by(context.flow, made) == "nn.ModuleList":
        return parts(context.flow, Spot(made.cell, node.args[0])) or []
    return context.outputs.listed(made) or []
