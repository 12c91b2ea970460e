"""A change of the model itself, right behind the statement that makes it.

Where the code builds its layers in loops or helpers there is no line of one activation to change;
the model in the user's variable shows where it stands.
"""

from __future__ import annotations

from typing import Any

from ...findings import Fix
from ..arrays import Arrays
from ..patch import Patch
from .base import Case


def drop_last(case: Case, kind: str) -> Fix | None:
    """`model[-1][-1] = nn.Identity()` in place of an activation at the end; None where the model is
    no `nn.Sequential` with one there, or where its statement is not found."""
    called = case.context.model
    root = None if called is None else Arrays(case.flow).root(called)
    if root is None:
        return None
    place = _last(case.flow.namespace.get(root.name), kind)
    if place is None:
        return None
    name, depth = place
    patch = Patch(case.flow)
    identity = patch.spell("nn.Identity", root.statement)
    line = f"{root.name}{'[-1]' * depth} = {identity}()  # in place of {name}"
    patch.insert_after(root.statement, [line])
    return patch.fix(case.title)


def _last(module: Any, kind: str) -> tuple[str, int] | None:
    """(class, depth) of the module that the nested sequences end in."""
    depth = 0
    while type(module).__module__ == "torch.nn.modules.container" and len(module):
        if type(module).__name__ != "Sequential":
            return None
        module, depth = module[len(module) - 1], depth + 1
    name = type(module).__name__
    home = type(module).__module__ == "torch.nn.modules.activation"
    return (name, depth) if depth and home and name.lower() == kind.lower() else None
