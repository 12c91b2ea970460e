"""What a dotted name of the user means in a framework, and how the user would write such a name."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable, Mapping, Sequence
from types import BuiltinFunctionType, FunctionType, ModuleType
from typing import Any

from .cells import Cell, Function, line_of

# What people call these modules, when nothing says otherwise (after a star import, for example).
_CUSTOM = {
    "torch": "torch",
    "nn": "torch.nn",
    "F": "torch.nn.functional",
    "optim": "torch.optim",
    "tf": "tensorflow",
    "keras": "keras",
}
_LIBRARIES = frozenset({"torch", "keras", "tensorflow"})
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

    def __init__(
        self,
        cells: Iterable[Cell],
        namespace: Mapping[str, Any],
        word: Callable[[ast.AST], object] = lambda _: None,  # the constant behind an expression
    ) -> None:
        self._namespace = namespace
        self._word = word
        self._imports: dict[str, list[tuple[Cell, ast.stmt, str]]] = {}
        for cell in sorted(cells, key=lambda c: c.number):
            for node in cell.nodes:
                for alias, path in _imported(node):
                    assert isinstance(node, ast.stmt)
                    self._imports.setdefault(alias, []).append((cell, node, path))

    def torch(self, node: ast.AST) -> str | None:
        """`nn.BCELoss`, `F.softmax`, `optim.SGD`, `torch.sigmoid`: whatever the user's spelling."""
        path = self.path(node)
        return None if path is None else torch_name(path)

    def keras(self, node: ast.AST) -> str | None:
        """`keras.layers.Dense`, `keras.Sequential`, `tf.nn.softmax`: whatever the user's
        spelling."""
        path = self.path(node)
        return None if path is None else keras_name(path)

    def path(self, node: ast.AST) -> str | None:
        """The whole dotted path that a name stands for, as it was imported."""
        if isinstance(node, ast.Call):
            return self._by_string(node)
        name = dotted(node)
        if name is None:
            return None
        head, _, rest = name.partition(".")
        path = self._path(head)
        return path if path is None or not rest else f"{path}.{rest}"

    def _by_string(self, call: ast.Call) -> str | None:
        """`torch.nn.CrossEntropyLoss` of `getattr(nn, "CrossEntropyLoss")`; the string may stand in
        a variable."""
        if dotted(call.func) != "getattr" or len(call.args) < 2:
            return None
        home, name = self.path(call.args[0]), call.args[1]
        value = self._namespace.get(name.id) if isinstance(name, ast.Name) else None
        value = name.value if isinstance(name, ast.Constant) else self._word(name) or value
        return f"{home}.{value}" if home is not None and isinstance(value, str) else None

    def imports(self, library: str) -> bool:
        """Whether a cell imports (something of) a library."""
        return any(
            path.partition(".")[0] == library
            for found in self._imports.values()
            for _, _, path in found
        )

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
        return f"{home}.{value.__name__}" if home.partition(".")[0] in _LIBRARIES else None

    def spell(self, wanted: str, cell: Cell, node: ast.AST) -> tuple[str, str | None]:
        """How to write `wanted` ("F.softmax") at `node`, and the import that this takes."""
        home, _, name = wanted.partition(".")
        full = f"{_HOMES[home]}.{name}"
        known = self.known_spelling([full], cell, node)
        return (known, None) if known is not None else self._imported_spelling(home, name, full)

    def known_spelling(self, fulls: Sequence[str], cell: Cell, node: ast.AST) -> str | None:
        """The shortest way to write one of these paths with what is there; None where none is."""
        best: str | None = None
        for alias in (*self._imports, *self._namespace):
            path = self._path(alias)
            if path is None or not self._visible(alias, cell, node):
                continue
            if path in fulls and self._bound(alias):
                return alias
            for full in fulls:
                if full.startswith(f"{path}.") and path.partition(".")[0] in _LIBRARIES:
                    spelled = alias + full[len(path) :]
                    if best is None or len(spelled) < len(best):
                        best = spelled
        return best

    def alias(self, module: str, cell: Cell, node: ast.AST) -> str | None:
        """The user's name for a module at `node`; None where there is none."""
        for name, found in self._imports.items():
            if found[-1][2] == module and self._visible(name, cell, node):
                return name
        return None

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


def torch_name(path: str) -> str:
    """`nn.Linear` for `torch.nn.modules.linear.Linear`, `optim.Adam` and so on."""
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


# Where Keras is to be found: by itself, inside TensorFlow, and where its classes are at home.
_KERAS_ROOTS = ("tensorflow.keras.", "tensorflow.python.keras.", "keras.src.", "keras.api.")
# What stands in `keras` itself, though it is also found further down.
_AT_THE_TOP = frozenset({"Sequential", "Model", "Input"})


def keras_name(path: str) -> str:
    """One name for each thing of Keras and TensorFlow, wherever it was imported from."""
    for root in _KERAS_ROOTS:
        if path.startswith(root):
            path = f"keras.{path.removeprefix(root)}"
            break
    parts = path.split(".")
    name = parts[-1]
    if parts[0] == "keras" and len(parts) > 1:
        if name in _AT_THE_TOP:
            return f"keras.{name}"
        inner = ("schedules",) if "schedules" in parts else ()
        return ".".join(("keras", *dict.fromkeys((parts[1], *inner, name))))
    if parts[0] == "tensorflow" and len(parts) > 1:
        return (
            f"tf.nn.{name}"
            if "nn" in parts or "nn_ops" in parts or "nn_impl" in parts
            else (f"tf.{name}")
        )
    return path
