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
    """`model[-1][-1] = nn.Identity()` in place of an activation at the end; None where it is not
    sure which one that is, or where the model's statement is not found."""
    return replace_last(case, kind, "Identity")


def replace_last(case: Case, kind: str, new: str) -> Fix | None:
    """Another module in place of the activation at the end: the last one of nested sequences, or
    the only one of its kind in the model."""
    called = case.context.model
    root = None if called is None else Arrays(case.flow).root(called)
    if root is None:
        return None
    model = case.flow.namespace.get(root.name)
    place = _last(model, kind) or _only(model, kind)
    if place is None:
        return None
    name, access = place
    patch = Patch(case.flow)
    made = patch.spell(f"nn.{new}", root.statement)
    line = f"{root.name}{access} = {made}()  # in place of {name}"
    patch.insert_after(root.statement, [line])
    return patch.fix(case.title)


def _last(module: Any, kind: str) -> tuple[str, str] | None:
    """(class, how it is reached) of the module that the nested sequences end in.

    A module of the user's with one child is that child, as far as its outputs go.
    """
    access = ""
    while _is_module(module) and len(children := list(module.named_children())):
        sequence = type(module).__name__ == "Sequential" and _home(module) == "container"
        if sequence:
            access += "[-1]"
        elif len(children) == 1 and not _home(module):
            access += f".{children[0][0]}"
        else:
            return None
        module = children[-1][1]
    name = type(module).__name__
    return (name, access) if access and _is_of_kind(module, kind) else None


def _only(model: Any, kind: str) -> tuple[str, str] | None:
    """The only module of a kind in a model, wherever it is reached from."""
    if not _is_module(model):
        return None
    found = [(name, part) for name, part in model.named_modules() if _is_of_kind(part, kind)]
    if len(found) != 1 or not found[0][0]:
        return None
    ((path, part),) = found
    steps = (f"[{step}]" if step.isdigit() else f".{step}" for step in path.split("."))
    return type(part).__name__, "".join(steps)


def _is_of_kind(module: Any, kind: str) -> bool:
    return _home(module) == "activation" and type(module).__name__.lower() == kind.lower()


def _home(module: Any) -> str:
    """ "container" for `torch.nn.modules.container`; empty for a class that is not torch's."""
    path = type(module).__module__
    return path.removeprefix("torch.nn.modules.") if path.startswith("torch.nn.modules.") else ""


def _is_module(value: Any) -> bool:
    return any(c.__module__ == "torch.nn.modules.module" for c in type(value).__mro__)
