"""From what a model is given back to the variable that holds the data, and to those beside it."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from .cells import Spot, line_of
from .flow import Flow
from .names import dotted
from .scopes import Binding

_DEPTH = 24
_AROUND = 4  # loaders and subsets around a data set
# Functions that hand their first argument on, as far as its numbers go.
_FUNCTIONS = frozenset(
    {"from_numpy", "tensor", "as_tensor", "FloatTensor", "Tensor", "asarray", "array", "constant"}
    | {"ascontiguousarray", "convert_to_tensor", "cast", "Variable", "int", "float"}
)
_METHODS = frozenset(
    {"float", "double", "half", "to", "astype", "numpy", "to_numpy", "clone", "copy", "cuda", "cpu"}
    | {"contiguous", "detach", "requires_grad_"}
)
# Data sets and loaders whose first argument is a data set, too.
_AROUND_DATA = frozenset({"DataLoader", "Subset", "random_split", "BatchSampler", "prefetch"})
_TRAIN = re.compile(r"train(ing)?|tr(?=_|$)", re.IGNORECASE)
_OTHERS = ("test", "val", "valid", "validation", "dev", "eval", "te", "va")


@dataclass(frozen=True)
class Root:
    """A variable that data are assigned to, and the statement that does."""

    name: str
    binding: Binding

    @property
    def statement(self) -> Spot:
        node = self.binding.statement
        return Spot(self.binding.cell, node)

    @property
    def order(self) -> tuple[int, int]:
        return self.binding.cell.number, line_of(self.binding.statement)

    @property
    def place(self) -> tuple[int, int, int]:
        """Its order among statements that share a line, too."""
        return (*self.order, getattr(self.binding.statement, "col_offset", 0))


class Arrays:
    """Follows data back to where they have a name first.

    Args:
        flow: where values come from.
        through_arithmetic: whether `(x - mean) / std` is followed back to `x`.
    """

    def __init__(self, flow: Flow, *, through_arithmetic: bool = False) -> None:
        self._flow = flow
        self._through = through_arithmetic

    def root(self, spot: Spot) -> Root | None:
        """The first variable of these data; None where the code is not sure."""
        found = self.chain(spot)
        return found[-1] if found else None

    def chain(self, spot: Spot, index: int | None = None, depth: int = _DEPTH) -> list[Root]:
        """The variables that these data go through, back to the first.

        ``index`` says which part is meant, where the expression is a tuple or a data set: inputs
        are 0, labels 1.
        """
        if depth == 0:
            return []
        if isinstance(spot.node, ast.Name):
            return self._name(spot, spot.node.id, index, depth)
        if isinstance(spot.node, ast.Attribute) and self._flow.self_class(
            Spot(spot.cell, spot.node.value)
        ):
            return self._name(spot, spot.text, index, depth)
        inner = self._inner(spot, index)
        return [] if inner is None else self.chain(*inner, depth - 1)

    def _name(self, spot: Spot, name: str, index: int | None, depth: int) -> list[Root]:
        values = self._flow.values(spot)
        if len(values) != 1:
            return []
        (binding,) = values
        part = binding.index if binding.index is not None else index
        deeper = self.chain(binding.spot, part, depth - 1)
        assigns = isinstance(binding.statement, ast.Assign) and any(
            isinstance(target, (ast.Name, ast.Attribute)) and dotted(target) == name
            for one in binding.statement.targets
            for target in ast.walk(one)
        )
        own = [Root(name, binding)] if assigns and index is None and not binding.loop else []
        return own + deeper

    def _inner(self, spot: Spot, index: int | None) -> tuple[Spot, int | None] | None:
        """What an expression only passes on."""
        node, cell = spot.node, spot.cell
        if isinstance(node, ast.Subscript):
            return Spot(cell, node.value), index
        if isinstance(node, ast.Attribute) and (node.attr == "values" or self._is_tensor(node)):
            return Spot(cell, node.value), index
        if isinstance(node, (ast.Tuple, ast.List)) and index is not None:
            return (Spot(cell, node.elts[index]), None) if index < len(node.elts) else None
        if isinstance(node, ast.BinOp) and self._through:
            return Spot(cell, node.left), index
        if not isinstance(node, ast.Call):
            return None
        return self._of_call(spot, node, index)

    def _is_tensor(self, node: ast.Attribute) -> bool:
        """`rows.data` of a tensor; that of a data set of scikit-learn's is another thing."""
        held = self._flow.namespace.get(dotted(node.value) or "")
        return node.attr == "data" and type(held).__module__.partition(".")[0] == "torch"

    def _of_call(
        self, spot: Spot, node: ast.Call, index: int | None
    ) -> tuple[Spot, int | None] | None:
        cell, func = spot.cell, node.func
        name = (self._flow.names.path(func) or dotted(func) or "").rpartition(".")[2]
        if isinstance(func, ast.Attribute) and not dotted(func.value):
            name = func.attr  # a method of something that is no name: `x[rows].float()`
        first = Spot(cell, node.args[0]) if node.args else None
        if name in ("TensorDataset", "zip") and index is not None and index < len(node.args):
            return Spot(cell, node.args[index]), None
        yielded = self._yielded(spot)
        if yielded is not None and index is not None:
            return yielded, index
        own = self._flow.class_named(func.id) if isinstance(func, ast.Name) else None
        item = None if own is None else self._item(own)
        if item is not None and self.chain(item, index):
            return item, index
        if own and index is not None and index < len(node.args):  # a data set of the user's
            return Spot(cell, node.args[index]), None
        if name == "train_test_split" and index is not None and index // 2 < len(node.args):
            return Spot(cell, node.args[index // 2]), None
        if name == "map" and index is not None and len(node.args) > 1:
            return Spot(cell, node.args[1]), index
        if name in ("enumerate", "tqdm", "iter", "from_tensor_slices", *_AROUND_DATA) and first:
            return first, index
        if name in _FUNCTIONS and first is not None:
            return first, index
        if isinstance(func, ast.Attribute) and func.attr in _METHODS:
            return Spot(cell, func.value), index
        if isinstance(func, ast.Attribute) and func.attr in ("shuffle", "batch", "repeat", "cache"):
            return Spot(cell, func.value), index
        return None

    def _yielded(self, call: Spot) -> Spot | None:
        """What a generator of the user's hands out, one batch at a time."""
        function = self._flow.called_function(call)
        values = [
            Spot(function.cell, node.value)
            for node in (function.cell.walk(function.node) if function is not None else ())
            if function is not None and isinstance(node, ast.Yield) and node.value is not None
        ]
        return values[0] if len(values) == 1 and isinstance(values[0].node, ast.Tuple) else None

    def _item(self, owner: Spot) -> Spot | None:
        """What a data set of the user's hands out: what its `__getitem__` returns."""
        method = self._flow.method(owner, "__getitem__")
        values = [] if method is None else self._flow.returns(method)
        return values[0] if len(values) == 1 and isinstance(values[0].node, ast.Tuple) else None

    def value(self, root: Root) -> Any:
        """The live data, that of an attribute by the objects of its class; None where unknown."""
        if root.name in self._flow.namespace:
            return self._flow.namespace[root.name]
        owner = root.statement.cell.owner(root.statement.node)
        for value in list(self._flow.namespace.values()) if owner is not None else ():
            for _ in range(_AROUND):  # a loader of a part of the data set
                if owner is not None and type(value).__name__ == owner.name:
                    return getattr(value, "__dict__", {}).get(root.name.rpartition(".")[2])
                value = getattr(value, "__dict__", {}).get("dataset")
        return None

    def written(self, root: Root, before: Spot) -> Spot:
        """The last statement above a place that writes parts of the data: `x[3] = 0`; else the one
        that makes them."""
        found = root.statement
        if found.cell.function(found.node) is not None:
            return found
        for number in sorted(self._flow.cells):
            cell = self._flow.cells[number]
            for node in cell.tree.body:
                there = (number, line_of(node), node.col_offset)
                if root.place < there < (before.cell.number, before.line):
                    found = Spot(cell, node) if _writes(node, root.name) else found
        return found

    def beside(self, root: Root) -> list[Root]:
        """Data of the same kind that are not trained on: `x_test` and `x_val` of `x_train`."""
        if not _TRAIN.search(root.name):
            return []
        wanted = {_TRAIN.sub(other, root.name, count=1).lower() for other in _OTHERS}
        found: dict[str, Root] = {}
        for binding, name in self._assigned():
            alike = name.lower() in wanted and name != root.name
            same_scope = binding.cell.function(binding.statement) is root.statement.cell.function(
                root.statement.node
            )
            one = Root(name, binding)
            if alike and same_scope and one.order >= root.order and name not in found:
                found[name] = one
        return list(found.values())

    def _assigned(self) -> Iterator[tuple[Binding, str]]:
        for number in sorted(self._flow.cells):
            cell = self._flow.cells[number]
            for node in sorted(cell.nodes, key=line_of):
                if isinstance(node, ast.Assign):
                    for target in node.targets:
                        for part in ast.walk(target):
                            if isinstance(part, ast.Name):
                                yield Binding(cell, node, node.value), part.id


def _writes(node: ast.stmt, name: str) -> bool:
    targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
    return any(
        isinstance(target, ast.Subscript)
        and isinstance(target.value, ast.Name)
        and target.value.id == name
        for target in targets
    )
