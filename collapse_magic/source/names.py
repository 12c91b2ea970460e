"""What a dotted name of the user means in torch, and how the user would write a torch name."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Mapping
from types import BuiltinFunctionType, FunctionType, ModuleType
from typing import Any

from .cells import Cell, Function, line_of

# What people call these modules, when nothing says otherwise (after a star import, for example).
_CUSTOM = {
    "torch": "torch",
    "nn": "torch.nn",
    "F": "torch.nn.functional",
    "optim": "torch.optim",
}
_HOMES = {"F": "torch.nn.functional", "nn": "torch.nn", "optim": "torch.optim", "torch": "torch"}


def dotted(node: ast.AST) -> str | None:
    """`a.b.c` of names and attributes, else None."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute) and (head := dotted(node.value)):
        return f"{head}.{node.attr}"
    return None


class Names:
    """Imports of all cells, the user's variables, and what both say of a name."""

    def __init__(self, cells: Iterable[Cell], namespace: Mapping[str, Any]) -> None:
        self._namespace = namespace
        self._imports: dict[str, list[tuple[Cell, ast.stmt, str]]] = {}
        for cell in sorted(cells, key=lambda c: c.number):
            for node in cell.nodes:
                for alias, path in _imported(node):
                    assert isinstance(node, ast.stmt)
                    self._imports.setdefault(alias, []).append((cell, node, path))

    def torch(self, node: ast.AST) -> str | None:
        """`nn.BCELoss`, `F.softmax`, `optim.SGD`, `torch.sigmoid`: whatever the user's spelling."""
        name = dotted(node)
        if name is None:
            return None
        head, _, rest = name.partition(".")
        path = self._path(head)
        return None if path is None else _short(f"{path}.{rest}" if rest else path)

    def _path(self, head: str) -> str | None:
        if head in self._imports:
            return self._imports[head][-1][2]
        if head not in self._namespace:
            return _CUSTOM.get(head)
        value = self._namespace[head]
        kind = type(value)  # asking the value itself may run the user's code
        if issubclass(kind, ModuleType):
            return str(value.__name__)
        # A loss module is callable too, but it is no alias of anything in torch.
        if not issubclass(kind, (type, FunctionType, BuiltinFunctionType)):
            return None
        home = str(value.__module__)
        return f"{home}.{value.__name__}" if home.partition(".")[0] == "torch" else None

    def spell(self, wanted: str, cell: Cell, node: ast.AST) -> tuple[str, str | None]:
        """How to write `wanted` ("F.softmax") at `node`, and the import that this takes."""
        home, _, name = wanted.partition(".")
        full = f"{_HOMES[home]}.{name}"
        best: str | None = None
        for alias in (*self._imports, *self._namespace):
            path = self._path(alias)
            if path is None or not self._visible(alias, cell, node):
                continue
            if full == path and self._bound(alias):
                return alias, None
            if full.startswith(f"{path}.") and path.partition(".")[0] == "torch":
                spelled = alias + full[len(path) :]
                if best is None or len(spelled) < len(best):
                    best = spelled
        if best is not None:
            return best, None
        return self._imported_spelling(home, name, full)

    def _imported_spelling(self, home: str, name: str, full: str) -> tuple[str, str]:
        if home == "F" and self._free("F"):
            return f"F.{name}", "import torch.nn.functional as F"
        if home == "nn" and self._free("nn"):
            return f"nn.{name}", "from torch import nn"
        return full, "import torch"

    def _free(self, alias: str) -> bool:
        path = self._path(alias) if self._bound(alias) else None
        return (alias not in self._namespace and not self._bound(alias)) or (
            path == _CUSTOM.get(alias)
        )

    def _bound(self, alias: str) -> bool:
        return alias in self._imports or alias in self._namespace

    def _visible(self, alias: str, cell: Cell, node: ast.AST) -> bool:
        """Whether `alias` is there when the cells run from top to bottom, and is not hidden."""
        if _hidden(alias, cell, node):
            return False
        if alias not in self._imports:
            return alias in self._namespace
        inside = cell.function(node) is not None
        for home, statement, _ in self._imports[alias]:
            local = home.function(statement)
            if local is not None and (home is not cell or local is not cell.function(node)):
                continue
            if home.number < cell.number:
                return True
            if home is cell and (inside or line_of(statement) < line_of(node)):
                return True
        return False


def _hidden(alias: str, cell: Cell, node: ast.AST) -> bool:
    """Whether a local variable or parameter of a function around `node` has that name."""
    for above in cell.ancestors(node):
        if not isinstance(above, Function):
            continue
        if alias in {a.arg for a in ast.walk(above.args) if isinstance(a, ast.arg)}:
            return True
        for inner in cell.walk(above):
            if (
                isinstance(inner, ast.Name)
                and inner.id == alias
                and isinstance(inner.ctx, ast.Store)
            ):
                return True
    return False


def _imported(node: ast.AST) -> list[tuple[str, str]]:
    """(name bound, dotted path that it stands for) of an import statement."""
    if isinstance(node, ast.Import):
        return [
            (alias.asname, alias.name) if alias.asname else (alias.name.partition(".")[0],) * 2
            for alias in node.names
        ]
    if isinstance(node, ast.ImportFrom) and node.module and not node.level:
        return [
            (alias.asname or alias.name, f"{node.module}.{alias.name}")
            for alias in node.names
            if alias.name != "*"
        ]
    return []


def _short(path: str) -> str:
    for home, start in (("F", "torch.nn.functional."), ("nn", "torch.nn.modules.")):
        if path.startswith(start):
            return f"{home}.{path.rpartition('.')[2]}"
    if path.startswith("torch.nn.") and path.count(".") == 2:
        return path.removeprefix("torch.")
    if path.startswith("torch.optim.") and "lr_scheduler" not in path:
        return f"optim.{path.rpartition('.')[2]}"
    if path == "torch.special.expit":
        return "torch.sigmoid"
    return path
