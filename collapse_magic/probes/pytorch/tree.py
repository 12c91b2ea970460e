"""The tree of modules, walked without `named_modules`, which takes five times as long.

A model of a thousand modules is walked several times before its first step has ended.
"""

from __future__ import annotations

from typing import Any


def parts(module: Any) -> list[tuple[str, Any]]:
    """(dotted name, module) of the module and everything in it, once each, as registered."""
    found: list[tuple[str, Any]] = []
    seen: set[int] = set()
    stack = [("", module)]
    while stack:
        name, part = stack.pop()
        key = id(part)
        if key in seen:
            continue
        seen.add(key)
        found.append((name, part))
        under = part._modules
        if under:
            prefix = name + "." if name else ""
            stack.extend((prefix + k, m) for k, m in reversed(under.items()) if m is not None)
    return found


def owners(module: Any) -> list[tuple[str, Any, list[Any]]]:
    """(dotted name, module, its own parameters) where there are any; a shared one counts once."""
    found = []
    seen: set[int] = set()
    for name, part in parts(module):
        own = []
        for parameter in part._parameters.values():
            if parameter is not None and id(parameter) not in seen:
                seen.add(id(parameter))
                own.append(parameter)
        if own:
            found.append((name, part, own))
    return found


def parameter_ids(module: Any) -> set[int]:
    return {id(p) for _, part in parts(module) for p in part._parameters.values() if p is not None}


def parameter_names(module: Any) -> dict[int, tuple[str, str]]:
    """By id of a parameter: its dotted name, and the name of its layer ("(model)" for the root)."""
    names: dict[int, tuple[str, str]] = {}
    for name, part in parts(module):
        for key, parameter in part._parameters.items():
            if parameter is not None:
                dotted = f"{name}.{key}" if name else key
                names.setdefault(id(parameter), (dotted, name or "(model)"))
    return names
