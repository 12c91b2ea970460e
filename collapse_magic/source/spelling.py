"""Words in the code that the user's labels spell in another way."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import Any

from ..findings import Fix
from .arrays import Arrays
from .cells import Spot
from .flow import Flow
from .patch import Patch

# Enough labels to meet every spelling, few enough to take no time.
_MOST_VALUES = 10_000
_COLUMNS = {("numpy", "ndarray"), ("pandas", "Series"), ("pandas", "Index")}
# What a column is compared with, beside `==`.
_METHODS = frozenset({"map", "replace", "isin", "eq", "ne"})


def respelled(flow: Flow, labels: Spot | None, title: str) -> Fix | None:
    """`labels == "positive"` where the data say "Positive"; None where no word is misspelt."""
    patch, found = Patch(flow), False
    root = None if labels is None else Arrays(flow).root(labels)
    places = [] if root is None else [(root.binding.spot, _in_names(flow, root.binding.value))]
    for spot, known in (*places, *_comparisons(flow)):
        for node in ast.walk(spot.node):
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value:
                alike = [word for word in known if _plain(word) == _plain(node.value)]
                if known and node.value not in known and len(alike) == 1:
                    at = Spot(spot.cell, node)
                    quote = "'" if at.text.startswith("'") else '"'
                    patch.replace(at, f"{quote}{alike[0]}{quote}")
                    found = True
    return patch.fix(f"{title}: as they are spelt") if found else None


def _in_names(flow: Flow, value: ast.expr) -> set[str]:
    """The words of all lists and columns that an expression names."""
    return {
        word
        for node in ast.walk(value)
        if isinstance(node, ast.Name)
        for word in _words(flow.namespace.get(node.id))
    }


def _comparisons(flow: Flow) -> Iterator[tuple[Spot, set[str]]]:
    """What a column is compared with or mapped by, and the words in that column."""
    for cell in flow.latest_first:
        for node in cell.nodes:
            if isinstance(node, ast.Compare) and len(node.ops) == 1:
                sides = (node.left, node.comparators[0]), (node.comparators[0], node.left)
                for column, other in sides:
                    if isinstance(other, (ast.Constant, ast.List, ast.Tuple)):
                        yield Spot(cell, other), _words(_live(flow, column))
            elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
                words = _words(_live(flow, node.func.value)) if node.func.attr in _METHODS else None
                for given in node.args[:1] if words else ():
                    yield from ((spot, words or set()) for spot in _keys(flow, Spot(cell, given)))


def _keys(flow: Flow, given: Spot) -> Iterator[Spot]:
    """The words of a list, or the keys of a dict, wherever that is written."""
    for table in flow.origins(given) or [given]:
        if isinstance(table.node, ast.Dict):
            yield from (Spot(table.cell, key) for key in table.node.keys if key is not None)
        elif isinstance(table.node, (ast.List, ast.Tuple, ast.Constant)):
            yield table


def _live(flow: Flow, node: ast.expr) -> Any:
    """The variable, or the column of a table, that an expression stands for."""
    if isinstance(node, ast.Name):
        return flow.namespace.get(node.id)
    if isinstance(node, ast.Call):  # `df["label"].astype(str)`, `df["label"].copy()`
        func = node.func
        same = isinstance(func, ast.Attribute) and func.attr in ("astype", "copy", "to_numpy")
        return _live(flow, func.value) if isinstance(func, ast.Attribute) and same else None
    held: Any = None
    if isinstance(node, (ast.Subscript, ast.Attribute)):
        held = _live(flow, node.value)
    kind = type(held)
    if (kind.__module__.partition(".")[0], kind.__name__) != ("pandas", "DataFrame"):
        return held if getattr(node, "attr", "") == "values" else None
    named = node.slice if isinstance(node, ast.Subscript) else None
    name = named.value if isinstance(named, ast.Constant) else getattr(node, "attr", None)
    return held[name] if isinstance(name, str) and name in held.columns else None


def _words(value: Any) -> set[str]:
    """The strings of a list, an array or a column."""
    kind = type(value)
    home = kind.__module__.partition(".")[0]
    if kind not in (list, tuple) and (home, kind.__name__) not in _COLUMNS:
        return set()
    if getattr(value, "ndim", 1) != 1:
        return set()
    return {str(one) for one in list(value[:_MOST_VALUES]) if isinstance(one, str)}


def _plain(word: str) -> str:
    return word.strip().casefold()
