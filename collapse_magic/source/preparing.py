"""Statements that prepare the data right behind the one that makes them, in any framework."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from typing import Any

from ..findings import Fix
from .arrays import Arrays, Root
from .cells import Spot
from .flow import Flow
from .patch import Patch

_PIXELS = 255.0


def scaled(flow: Flow, given: Spot, title: str, values: Mapping[str, Any]) -> Fix | None:
    """Each feature less its mean, over its deviation; pixels over 255. None where the data have no
    place in the cells.

    ``values`` may say: "inputs" ("features" or "channels"), "minimum", "maximum", "constant" (the
    number of features that never change).
    """
    arrays = Arrays(flow)
    chain = arrays.chain(given)
    fit = [one for one in chain if _can_be_averaged(one, arrays.value(one))]
    if not fit:
        return None
    root = fit[-1]
    rows = [root, *arrays.beside(root)]
    patch = Patch(flow)
    if values.get("inputs") == "channels":
        if not 1 < float(values.get("maximum", 0)) <= _PIXELS or float(values["minimum"]) < 0:
            return None
        for row in rows:
            patch.insert_after(arrays.written(row, given), [f"{row.name} = {row.name} / {_PIXELS}"])
        return patch.fix(title)
    mean, std = _free(flow, "mean"), _free(flow, "std")
    first = [f"{mean}, {std} = {root.name}.mean(0), {root.name}.std(0)"]
    if values.get("constant", 1):  # a feature that never changes has no deviation to divide by
        first.append(f"{std}[{std} == 0] = 1")
    places: dict[ast.AST, tuple[Spot, list[str]]] = {}
    for row in rows:
        at = arrays.written(row, given)
        _, lines = places.setdefault(at.node, (at, first if row is root else []))
        lines.append(f"{row.name} = ({row.name} - {mean}) / {std}")
    for at, lines in places.values():
        patch.insert_after(at, lines)
    return patch.fix(title)


def cleaned(
    flow: Flow, given: Spot, title: str, library: str, *, stream: bool = False
) -> Fix | None:
    """The median of its feature in place of each number that is not finite.

    ``library`` ("torch" or "numpy") is that of the data, where the user's variable does not tell;
    ``stream``: what is given hands out inputs and labels, and the inputs in it are meant.
    """
    arrays = Arrays(flow, through_arithmetic=True)
    found = arrays.chain(given, 0 if stream else None)
    root = found[-1] if found else None
    if root is None or is_stream(flow, root.name):
        return None
    if "." in root.name and arrays.value(root) is None:
        return None
    patch = Patch(flow)
    for row in [root, *arrays.beside(root)]:
        home = _library(arrays.value(row)) or library
        name, where = row.name, arrays.written(row, given)
        if home == "torch":
            finite, pick = (patch.spell(f"torch.{one}", where) for one in ("isfinite", "where"))
            line = f"{name} = {pick}({finite}({name}), {name}, {name}.nanmedian(0).values)"
        elif home == "pandas":
            line = f"{name} = {name}.fillna({name}.median(numeric_only=True))"
        else:
            np = patch.spell_numpy(where)
            middle = f"{np}.nanmedian({name}, axis=0)"
            line = f"{name} = {np}.where({np}.isfinite({name}), {name}, {middle})"
        patch.insert_after(where, [line])
    return patch.fix(title)


def _free(flow: Flow, name: str) -> str:
    """A name that the user has not taken."""
    used = {
        node.id for cell in flow.cells.values() for node in cell.nodes if isinstance(node, ast.Name)
    }
    return name if name not in used and name not in flow.namespace else f"feature_{name}"


def _can_be_averaged(root: Root, value: Any) -> bool:
    """Whether it is a table, or a tensor or array of numbers, as far as the variable tells."""
    if value is None and "." in root.name:
        return False
    home, dtype = _home(value), str(getattr(value, "dtype", ""))
    return value is None or home in ("pandas", "numpy") or (home == "torch" and "float" in dtype)


def is_stream(flow: Flow, name: str) -> bool:
    """Whether a variable holds a data set of TensorFlow's: no table, but something to map."""
    return hasattr(flow.namespace.get(name), "element_spec")


def _library(value: object) -> str | None:
    home = _home(value)
    return home if home in ("torch", "numpy", "pandas") else None


def _home(value: object) -> str:
    return type(value).__module__.partition(".")[0]
