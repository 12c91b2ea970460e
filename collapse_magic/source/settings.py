"""Settings that code reads by a name: entries of a dict, fields of an object, options of a parser.

`cfg["lr"]`, `args.lr`, `Config.lr`, `config.lr` of a data class: each is written somewhere once, as
an entry, a keyword, a default or an assignment.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from .cells import Cell, Spot, line_of
from .names import dotted
from .scopes import Binding, attribute_bindings, binding_of

# Functions that make an object of their keywords.
_OF_KEYWORDS = ("dict", "SimpleNamespace", "Namespace", "EasyDict", "Munch", "Box")


def entries(made: Spot, name: str) -> list[Spot]:
    """What a dict display, or a call that makes an object of keywords, holds under a name.

    Where there is no such entry: what `**others` in it may hold is not looked at.
    """
    node = made.node
    if isinstance(node, ast.Dict):
        return [
            Spot(made.cell, value)
            for key, value in zip(node.keys, node.values, strict=True)
            if isinstance(key, ast.Constant) and key.value == name
        ]
    if isinstance(node, ast.Call) and (dotted(node.func) or "").rpartition(".")[2] in _OF_KEYWORDS:
        return [Spot(made.cell, k.value) for k in node.keywords if k.arg == name]
    return []


def is_closed(made: Spot) -> bool:
    """Whether all that a dict holds is written in it."""
    node = made.node
    if isinstance(node, ast.Dict):
        return None not in node.keys
    if not isinstance(node, ast.Call) or dotted(node.func) != "dict":
        return False
    return not node.args and all(keyword.arg is not None for keyword in node.keywords)


def field(made: Spot, owner: Spot | None, name: str) -> list[Binding]:
    """What an attribute of a configuration object is given where that is made.

    ``made`` is the call that makes it, ``owner`` the user's class, if it has one: a data class
    takes its fields as keywords.
    """
    node = made.node
    if not isinstance(node, ast.Call):
        return []
    called = dotted(node.func) or ""
    if called.endswith(("parse_args", "parse_known_args")):
        return list(_options(made.cell, called.rpartition(".")[0], name))
    holder = None if owner is None else owner.node
    fields = owner is not None and isinstance(holder, ast.ClassDef)
    if fields:
        assert owner is not None and isinstance(holder, ast.ClassDef)
        fields = bool(attribute_bindings(owner.cell, holder, name))
    if fields or called.rpartition(".")[2] in _OF_KEYWORDS:
        for keyword in node.keywords:
            if keyword.arg == name:
                return [binding_of(Spot(made.cell, keyword.value))]
    return []


def _options(cell: Cell, parser: str, name: str) -> Iterator[Binding]:
    """`default=` of `parser.add_argument("--name", ...)`."""
    for node in sorted(cell.nodes, key=line_of):
        if not isinstance(node, ast.Call) or dotted(node.func) != f"{parser}.add_argument":
            continue
        words = [a.value for a in node.args if isinstance(a, ast.Constant)]
        if any(str(word).lstrip("-").replace("-", "_") == name for word in words):
            for keyword in node.keywords:
                if keyword.arg == "default":
                    yield binding_of(Spot(cell, keyword.value))
