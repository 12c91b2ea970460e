"""What remedies of several frameworks have in common, but for a name or two."""

from __future__ import annotations

import ast

from ..findings import Fix
from .cells import Spot
from .patch import example


def pair_labels(title: str, permutation: str) -> Fix:
    """One order for inputs and labels; `permutation` makes one of so many indices."""
    look = "print(y[:5])  # do these five belong to x[:5]?"
    return in_one_order(
        title, "one order for both, where the data are put together", permutation, look
    )


def in_one_order(title: str, where: str, permutation: str, *more: str) -> Fix:
    """What it looks like to shuffle arrays that belong together."""
    order = f"order = {permutation}(len(x))"
    return example(title, [], [f"# {where}:", order, "x, y = x[order], y[order]", *more])


def written_number(call: Spot, argument: str) -> float | None:
    """The first argument of a call, which goes by this name, where it stands there as a number."""
    assert isinstance(call.node, ast.Call)
    named = [keyword.value for keyword in call.node.keywords if keyword.arg == argument]
    given = named[0] if named else call.node.args[0] if call.node.args else None
    if isinstance(given, ast.Constant) and isinstance(given.value, (int, float)):
        return float(given.value)
    return None
