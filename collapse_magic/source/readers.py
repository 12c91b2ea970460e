"""Who else reads a number or a table of settings: a fix is for one purpose only."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from .cells import Cell, Spot
from .names import dotted

if TYPE_CHECKING:
    from .flow import Flow


def uses(flow: Flow, written: Spot) -> list[Spot]:
    """Where a written constant is used, whatever it is called there; not where it is handed on.

    ``written`` is an entry of a dict, a keyword of a configuration object or a default.
    """
    found: list[Spot] = []
    for cell in flow.cells.values():
        for node in cell.nodes:
            if not isinstance(node, (ast.Name, ast.Attribute, ast.Subscript)):
                continue
            if not isinstance(node.ctx, ast.Load) or _is_part(cell, node):
                continue
            spot = Spot(cell, node)
            held = flow.literal(spot)
            if held is not None and held.node is written.node and not _handed_on(flow, spot):
                found.append(spot)
    return found


def unfolded(flow: Flow, table: Spot) -> list[Spot]:
    """The `**settings` of all calls that unfold a table."""
    return [
        spot
        for cell in flow.cells.values()
        for node in cell.nodes
        if isinstance(node, ast.Call)
        for keyword in node.keywords
        if keyword.arg is None
        for spot in (Spot(cell, keyword.value),)
        if any(made.node is table.node for made in flow.origins(spot))
    ]


def _is_part(cell: Cell, node: ast.AST) -> bool:
    """`cfg` of `cfg["lr"]`, `print` of `print(x)`."""
    above = cell.parents.get(node)
    called = isinstance(above, ast.Call) and above.func is node
    return called or (isinstance(above, (ast.Attribute, ast.Subscript)) and above.value is node)


def _handed_on(flow: Flow, spot: Spot) -> bool:
    """Whether the value only gets another name there: by an assignment, as an argument of the
    user's functions and classes, as an entry; or is printed."""
    above = spot.cell.parents.get(spot.node)
    if isinstance(above, ast.keyword):
        above = spot.cell.parents.get(above)
    if isinstance(above, ast.Call):
        own = flow.called_function(Spot(spot.cell, above)) or (
            flow.class_named(above.func.id) if isinstance(above.func, ast.Name) else None
        )
        return own is not None or dotted(above.func) == "print"
    return isinstance(above, (ast.Assign, ast.AnnAssign, ast.Dict, ast.FormattedValue))
