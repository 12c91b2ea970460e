"""Which parameter of a function gets what at a call."""

from __future__ import annotations

import ast

from .cells import Function


def takes(function: Function, name: str) -> bool:
    args = function.args
    return any(a.arg == name for a in (*args.posonlyargs, *args.args, *args.kwonlyargs))


def argument_given(call: ast.Call, function: Function, name: str, skipped: int) -> ast.expr | None:
    for keyword in call.keywords:
        if keyword.arg == name:
            return keyword.value
    names = [a.arg for a in (*function.args.posonlyargs, *function.args.args)]
    if name not in names:
        return None
    position = names.index(name) - skipped
    given = call.args
    if 0 <= position < len(given) and not any(
        isinstance(a, ast.Starred) for a in given[: position + 1]
    ):
        return given[position]
    return None


def default_of(function: Function, name: str) -> ast.expr | None:
    args = function.args
    positional = (*args.posonlyargs, *args.args)
    for arg, default in zip(reversed(positional), reversed(args.defaults), strict=False):
        if arg.arg == name:
            return default
    for arg, keyword in zip(args.kwonlyargs, args.kw_defaults, strict=True):
        if arg.arg == name:
            return keyword
    return None
