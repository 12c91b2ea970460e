"""Words in the code that the user's labels spell in another way."""

from __future__ import annotations

import ast
from typing import Any

from ..findings import Fix
from .arrays import Arrays
from .cells import Spot
from .flow import Flow
from .patch import Patch

# Enough labels to meet every spelling, few enough to take no time.
_MOST_VALUES = 10_000


def respelled(flow: Flow, labels: Spot | None, title: str) -> Fix | None:
    """`labels == "positive"` where the data say "Positive"; None where no word is misspelt."""
    root = None if labels is None else Arrays(flow).root(labels)
    if root is None:
        return None
    value = root.binding.value
    known = {
        word
        for node in ast.walk(value)
        if isinstance(node, ast.Name)
        for word in _words(flow.namespace.get(node.id))
    }
    patch, found = Patch(flow), False
    for node in ast.walk(value):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value:
            alike = [word for word in known if _plain(word) == _plain(node.value)]
            if known and node.value not in known and len(alike) == 1:
                spot = Spot(root.binding.cell, node)
                quote = "'" if spot.text.startswith("'") else '"'
                patch.replace(spot, f"{quote}{alike[0]}{quote}")
                found = True
    return patch.fix(f"{title}: as they are spelt") if found else None


def _words(value: Any) -> set[str]:
    """The strings of a list, an array or a column."""
    home = type(value).__module__.partition(".")[0]
    if not isinstance(value, (list, tuple)) and home not in ("numpy", "pandas"):
        return set()
    if getattr(value, "ndim", 1) != 1:
        return set()
    return {str(one) for one in list(value[:_MOST_VALUES]) if isinstance(one, str)}


def _plain(word: str) -> str:
    return word.strip().casefold()
